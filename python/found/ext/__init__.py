"""Data stores over the functions of `found`: one module a store, functions over handles that `make` returns."""
