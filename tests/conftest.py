"""Shared by all tests. Its being here puts this folder on the import path of the folders below."""
