"""Pictures of what activations do, from networks trained for them.

`boundary` shows what shapes a network can draw with each activation, `flow` what becomes of
signal and gradient in a deep one, before and after training. Importing this package loads no
framework.
"""
