"""Numerics on arrays that know no runs and no law by name: projection, steps, searches, bounds."""
