"""FoundationDB's binding tester, for `found`.

FoundationDB proves a binding by a stack machine: a driver writes a stream of instructions into the database, a
program of the binding executes them, and the driver compares what it left on its stack and in the database with what
another binding left, or with what is known to be right. The machine is specified in FoundationDB's
bindings/bindingtester/spec/bindingApiTester.md.

    python -m tests.bindingtester.aio PREFIX API_VERSION [CLUSTER_FILE]
    python -m tests.bindingtester.threads PREFIX API_VERSION [CLUSTER_FILE]

are that program in two forms, started as the official driver starts a tester: START_THREAD makes an asyncio task, or
a thread with an event loop of its own. `official` runs the official driver with both forms among its testers;
`reference` is the machine once more, over FoundationDB's own Python binding, and tests/test_binding_tester.py
compares all three on streams of `streams`.
"""
