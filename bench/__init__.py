"""What one gains: this project beside what one would use instead. `make bench` runs it.

A section is a module that describes its work (`driver`, `nstore`, `engine`, ...). What a contender does for it is in
`<binding>_works.py`, run in a process of its own (`workers`), with the contender's interpreter and library
(`contenders`). `harness` measures in turns, `report` is what a run has measured, `record` keeps one and compares.
"""
