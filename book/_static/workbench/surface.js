// What follows from E, A, B, alpha and beta: scalinglab.laws.surface.

export const aOf = ({ alpha, beta }) => beta / (alpha + beta);
export const lossOf = ({ E, A, B, alpha, beta }, N, D) => E + A * N ** -alpha + B * D ** -beta;

/** Balance of the two terms, (alpha A / beta B)^(1/(alpha + beta)). */
export const balance = ({ A, B, alpha, beta }) =>
  Math.exp((Math.log(alpha * A) - Math.log(beta * B)) / (alpha + beta));

export const NOpt = (surface, C) => balance(surface) * (C / 6) ** aOf(surface);
export const DOpt = (surface, C) => (C / 6) ** (1 - aOf(surface)) / balance(surface);
export const LOpt = (surface, C) => lossOf(surface, NOpt(surface, C), DOpt(surface, C));
