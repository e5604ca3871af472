"""The check of a blob store: every byte is compared with the digests, every row with those it must agree with."""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from time import monotonic
from typing import NamedTuple, Optional, Union
from uuid import UUID

import found
from found.ext._fsck import Findings, Problem, Report, Scan, Tally
from found.ext._store import Progress, Rows
from found.ext.bstore._content import forget, read_state, read_unstated
from found.ext.bstore._model import (
    BStore,
    BStoreException,
    Stat,
    State,
    Writing,
    check_store,
    chunk_span,
    digest_of,
    hash_key,
    packed_stat,
    state_key,
    state_of,
    uid_of,
    whole_span,
)

PAGE = 1_000_000
"""Bytes of blobs that one transaction reads."""
LEASE = 30.0
"""Seconds without a sign of life after which a writer is taken for dead."""
UNREADABLE = "unreadable"


class Content(NamedTuple):
    """What the chunks of a blob amount to."""

    uid: UUID
    digest: bytes
    size: int
    whole: bool
    """Whether the chunks are numbered from 0 on with none left out."""


async def fsck(
    db: found.Database,
    bstore: BStore,
    *,
    repair: bool = False,
    progress: Optional[Progress] = None,
    lease: float = LEASE,
) -> Report:
    """Check every row of a store, the bytes of the blobs included, and repair what can be.

    It reads everything once, in small transactions, beside the programs that use the store. A repair writes the row of
    a digest or the state of a blob that is missing; clears the row of a digest that names no blob, or a damaged one, so
    that the content can be stored anew; and clears what writers have left that ended before they published. The bytes
    that are left of a damaged blob stay until it is deleted, and are reported each time.

    Args:
        db: a found.Database.
        bstore: a handle.
        repair: True to repair.
        progress: called with the number of rows looked at so far.
        lease: seconds without a sign of life after which the writer of an unpublished blob is taken for dead. The check
            waits as long for those that it meets.

    Returns:
        A report: rows, problems, how many were repaired, and the first of them.
    """
    check_store(bstore)
    check = _Check(db, bstore, repair, progress)
    await check.contents()
    await check.scan(Scan(*whole_span(bstore.prefix_state), check.states))
    # A blob of 0.13 has no state, and is read for its digest: few at a time.
    await check.scan(Scan(*whole_span(bstore.prefix_hash), check.hashes, page=50))
    await check.abandoned(lease)
    return check.report()


class _Check(Tally):
    def __init__(
        self, db: found.Database, store: BStore, repair: bool, progress: Optional[Progress]
    ) -> None:
        super().__init__(db, store.name, repair, progress)
        self.store = store
        self.unpublished: dict[UUID, Writing] = {}
        self.named: set[bytes] = set()
        """Rows of digests that were reported, with the blob that they should name."""

    # ---- chunks

    async def contents(self) -> None:
        """Put the chunks of each blob together, and compare them with its state and the row of its digest."""
        begin, end = whole_span(self.store.prefix_blob)
        reader = _Reader(self.store)
        more = True
        while more:
            rows, more = await found.transactional(self.db, _page, begin, end, snapshot=True)
            if rows:
                begin = rows[-1][0] + b"\x00"
            contents = reader.take(rows) if more else [*reader.take(rows), *reader.end()]
            await self.settle(contents)
            self.looked_at(len(rows))
        self.add(reader.foreign)

    async def settle(self, contents: list[Content]) -> None:
        for content in await self.compare(contents, certain=False):
            # Chunks are read in several transactions: a blob that is published or deleted meanwhile differs too. One
            # whose state was there before its chunks are read once more does not change but to be deleted.
            reader = _Reader(self.store)
            begin, end = chunk_span(self.store, content.uid)
            more = True
            while more:
                rows, more = await found.transactional(self.db, _page, begin, end, snapshot=True)
                reader.take(rows)
                if rows:
                    begin = rows[-1][0] + b"\x00"
            await self.compare(reader.end(), certain=True)

    async def compare(self, contents: list[Content], *, certain: bool) -> list[Content]:
        """Compare contents with what the rows say about them, and return those that differ if that is not certain."""
        if not contents:
            return []

        async def body(tx: found.Transaction) -> tuple[list[Content], Findings]:
            findings = Findings(tx, self.repair)
            differing: list[Content] = []
            reads = [
                (
                    content,
                    found.get(tx, state_key(self.store, content.uid)),
                    found.get(tx, hash_key(self.store, content.digest)),
                )
                for content in contents
            ]
            for content, state_read, hash_read in reads:
                state = _readable_state(content.uid, await state_read)
                named = uid_of(await hash_read)
                agree = _agree(content, state)
                if isinstance(state, Writing) or (agree and named is not None):
                    continue
                if not agree and state != UNREADABLE and not certain:
                    differing.append(content)
                    continue
                key = chunk_span(self.store, content.uid)[0]
                if not (await found.get_key(tx, found.gte(key))).startswith(key):
                    # Deleted since its chunks were read.
                    continue
                if agree:
                    self.name(content.uid, content.digest, findings)
                elif state == UNREADABLE and content.whole:
                    row = packed_stat(content.digest, content.size)
                    what = f"the state of blob {content.uid} is unreadable"
                    findings.wrong(state_key(self.store, content.uid), row, what)
                    if named is None:
                        self.name(content.uid, content.digest, findings)
                else:
                    findings.damaged(key, f"blob {content.uid} is not what was stored")
                    if isinstance(state, Stat):
                        await self.unname(tx, findings, state)
            return differing, findings

        differing, findings = await found.transactional(self.db, body, snapshot=not self.repair)
        self.add(findings.problems, findings.repaired)
        return differing

    def name(self, uid: UUID, digest: bytes, findings: Findings) -> None:
        """Whoever stores the content of a blob must find it."""
        key = hash_key(self.store, digest)
        findings.wrong(key, uid.bytes, f"no row for the digest of blob {uid}")
        self.named.add(key)

    async def unname(self, tx: found.Transaction, findings: Findings, stat: Stat) -> None:
        """Whoever stores the content of a damaged blob must get a new one."""
        key = hash_key(self.store, stat.digest)
        if uid_of(await found.get(tx, key)) == stat.uid:
            findings.stale(key, f"the digest names blob {stat.uid}, which is damaged")

    # ---- what is said about blobs

    async def states(self, tx: found.Transaction, rows: Rows, findings: Findings) -> None:
        """A blob of one byte or more has chunks, which were compared; an empty one has a row of its digest."""
        skipped = len(whole_span(self.store.prefix_state)[0])
        reads: list[tuple[bytes, Union[State, str], found.Operation[bytes], bytes]] = []
        for key, row in rows:
            uid = _uid_in(key, skipped)
            if uid is None:
                findings.damaged(key, "a state of nothing that is a blob")
                continue
            state = _readable_state(uid, row)
            assert state is not None
            if isinstance(state, Writing):
                self.unpublished[uid] = state
                continue
            head = chunk_span(self.store, uid)[0]
            reads.append((key, state, found.get_key(tx, found.gte(head)), head))
        for key, state, first_chunk, head in reads:
            if (await first_chunk).startswith(head):
                continue
            if not isinstance(state, Stat):
                findings.stale(key, "an unreadable state, of no chunks")
            elif state.size:
                findings.damaged(key, f"blob {state.uid} has no chunks")
                await self.unname(tx, findings, state)
            else:
                if uid_of(await found.get(tx, hash_key(self.store, state.digest))) is None:
                    self.name(state.uid, state.digest, findings)

    async def hashes(self, tx: found.Transaction, rows: Rows, findings: Findings) -> None:
        """A digest names a blob that has it."""
        skipped = len(whole_span(self.store.prefix_hash)[0])
        reads: list[tuple[bytes, bytes, UUID, found.Operation[Optional[bytes]]]] = []
        for key, row in rows:
            uid = uid_of(row)
            items = _unpacked(key, skipped)
            if uid is None or len(items) != 1 or not isinstance(items[0], bytes):
                if key not in self.named:
                    findings.stale(key, "a row of digests that names no blob")
                continue
            reads.append((key, items[0], uid, found.get(tx, state_key(self.store, uid))))
        for key, digest, uid, state_read in reads:
            state = _readable_state(uid, await state_read)
            if state is None:
                try:
                    content = await read_unstated(tx, self.store, uid)
                except BStoreException as error:
                    findings.stale(key, f"the digest names a blob that cannot be read: {error}")
                    continue
                if digest_of(content) != digest:
                    findings.stale(key, f"the digest names blob {uid}, which has another")
            elif isinstance(state, Writing):
                findings.stale(key, f"the digest names blob {uid}, which is not published")
            elif isinstance(state, Stat) and state.digest != digest:
                findings.stale(key, f"the digest names blob {uid}, which has another")

    # ---- what writers have left

    async def abandoned(self, lease: float) -> None:
        """Find unpublished blobs whose writers give no sign of life any more."""
        begin = monotonic()
        while self.unpublished:
            # A version is a microsecond, more or less; where versions stand still, the clock of this process counts.
            waited = monotonic() - begin
            left = lease
            for uid, seen in tuple(self.unpublished.items()):
                age = await self.abandoned_since(uid, seen, lease, waited >= lease)
                if age is None:
                    del self.unpublished[uid]
                else:
                    left = min(left, lease - age)
            if self.unpublished:
                await asyncio.sleep(max(0.01, min(1.0, left, lease - waited)))

    async def abandoned_since(
        self, uid: UUID, seen: Writing, lease: float, waited: bool
    ) -> Optional[float]:
        """The age in seconds of a writer's last sign of life, or None once it is known whether it is dead."""

        async def body(tx: found.Transaction) -> tuple[Optional[float], Findings]:
            findings = Findings(tx, self.repair)
            if await read_state(tx, self.store, uid) != seen:
                # Published, given up, or alive.
                return None, findings
            age = (await found.read_version(tx) - seen.version) / 1e6
            if age < lease and not waited:
                return age, findings
            findings.stale(
                state_key(self.store, uid),
                f"blob {uid} was never published, and its writer is gone",
            )
            if self.repair:
                forget(tx, self.store, uid)
            return None, findings

        age, findings = await found.transactional(self.db, body, snapshot=not self.repair)
        self.add(findings.problems, findings.repaired)
        return age


def _agree(content: Content, state: Union[State, str, None]) -> bool:
    if not content.whole:
        return False
    return state is None or state == Stat(content.uid, content.size, content.digest)


def _readable_state(uid: UUID, row: Optional[bytes]) -> Union[State, str, None]:
    try:
        return state_of(uid, row)
    except BStoreException:
        return UNREADABLE


def _unpacked(key: bytes, skipped: int) -> tuple[object, ...]:
    """The elements of a key after its prefix; none if they cannot be read."""
    try:
        return found.unpack(key, skipped)
    except ValueError:
        return ()


def _uid_in(key: bytes, skipped: int) -> Optional[UUID]:
    items = _unpacked(key, skipped)
    return items[0] if len(items) == 1 and isinstance(items[0], UUID) else None


async def _page(tx: found.Transaction, begin: bytes, end: bytes) -> tuple[Rows, bool]:
    """The next million bytes of chunks, and whether there may be more."""
    rows: Rows = []
    size = 0
    async for row in found.query(tx, begin, end, mode=found.STREAMING_MODE_SERIAL):
        rows.append(row)
        size += len(row[1])
        if size >= PAGE:
            return rows, True
    return rows, False


class _Reader:
    """Puts chunks together to contents, as they come in the order of their keys."""

    def __init__(self, store: BStore) -> None:
        self.skipped = len(whole_span(store.prefix_blob)[0])
        self.uid: Optional[UUID] = None
        self.foreign: list[Problem] = []
        self.begin(None)

    def begin(self, uid: Optional[UUID]) -> None:
        self.uid = uid
        self.hasher = blake2b()
        self.size = self.chunks = 0
        self.whole = True

    def take(self, rows: Rows) -> list[Content]:
        """The contents that these rows are the end of."""
        done: list[Content] = []
        for key, chunk in rows:
            items = _unpacked(key, self.skipped)
            if len(items) != 2 or not isinstance(items[0], UUID):
                self.foreign.append(Problem(key, "no chunk of a blob"))
                continue
            uid, index = items[0], items[1]
            if uid != self.uid:
                done += self.end()
                self.begin(uid)
            self.whole = self.whole and index == self.chunks
            self.chunks += 1
            self.size += len(chunk)
            self.hasher.update(chunk)
        return done

    def end(self) -> list[Content]:
        """The content that was begun, if any."""
        if self.uid is None:
            return []
        content = Content(self.uid, self.hasher.digest(), self.size, self.whole)
        self.begin(None)
        return [content]
