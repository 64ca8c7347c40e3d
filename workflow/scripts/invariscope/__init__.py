"""What the units of a neural network are invariant to.

Functions on arrays and tensors; nothing here knows about Snakemake.
"""
