"""Numerics on arrays that know no runs and no law by name: losses, projection, steps, searches, bounds."""
