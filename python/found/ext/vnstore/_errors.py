"""What vnstore raises."""

from __future__ import annotations

import found


class VNStoreException(found.BaseFoundException):
    """What is wrong with the arguments of an operation of a store, or with its moment. Nothing was written."""
