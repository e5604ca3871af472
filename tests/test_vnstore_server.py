"""found-vnstore page by page: what a person sees, does, and is told when it is wrong."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from serving import check, lifespan, serving, uid_of, words

import found
from found.ext import vnstore

AIRPORT = [("CDG", "name", "Charles de Gaulle"), ("CDG", "city", "Paris"), ("ORY", "city", "Paris")]


async def test_an_empty_store_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        page = await browser.get("/")
        assert page.status_code == 200
        assert "There are none yet" in words(page)
        assert "There is no change yet." in words(await browser.get("/history/"))
        assert "No tuple matches." in words(await browser.get("/navigate/"))


async def test_a_change_from_its_proposal_to_history_and_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.change("Airports\n\nof Paris", author="Ada")
        for items in AIRPORT:
            added = await browser.submit(f"{path}add/", **dict(zip(("uid", "key", "value"), items)))
            assert added.headers["location"] == path
        page = words(await browser.get(path))
        assert (
            "open" in page
            and "by" not in page.split("Airports")[0]
            and "3 added, 0 removed" in page
        )
        assert "No tuple matches." in words(await browser.get("/navigate/"))
        assert "Charles de Gaulle" in words(await browser.get("/navigate/", as_of=uid_of(path)))

        confirmation = words(await browser.get(f"{path}apply/"))
        assert "these 3 edits" in confirmation and "Charles de Gaulle" in confirmation
        assert (await browser.submit(f"{path}apply/")).headers["location"] == path
        assert "Charles de Gaulle" in words(await browser.get("/navigate/"))

        second = await browser.change("A nickname")
        fields = {"uid": "CDG", "key": "name", "value": "Charles de Gaulle"}
        assert (await browser.submit(f"{second}remove/", **fields)).status_code == 303
        assert (
            await browser.submit(f"{second}add/", **{**fields, "value": "Roissy"})
        ).status_code == 303
        detail = words(await browser.get(second))
        assert "removed CDG name Charles de Gaulle" in detail and "added CDG name Roissy" in detail
        await browser.submit(f"{second}apply/")
        assert "Roissy" in words(await browser.get("/navigate/", uid="CDG", key="name"))
        before = words(await browser.get("/navigate/", as_of=f"-{uid_of(second)}"))
        assert "Charles de Gaulle" in before and "CDG name Roissy" not in before
        assert "Roissy" in words(await browser.get("/navigate/", as_of=uid_of(second)))

        assert "undoes the edits" in words(await browser.get(f"{second}revert/"))
        reverted = (await browser.submit(f"{second}revert/", author="Bob")).headers["location"]
        assert "Revert: A nickname" in words(await browser.get(reverted))
        await browser.submit(f"{reverted}apply/")
        assert "Charles de Gaulle" in words(await browser.get("/navigate/", uid="CDG", key="name"))

        history = words(await browser.get("/history/"))
        assert history.count(" applied ") == 3
        assert (
            history.index("Revert: A nickname")
            < history.index("applied A nickname")
            < history.index("Airports")
        )
        past = words(await browser.get("/tuple/", uid="CDG", key="name", value="Roissy"))
        assert (
            "removed by Revert: A nickname" in past
            and "added by A nickname" in past
            and "not in the store" in past
        )
        await check(browser)


async def test_going_back_to_a_point_of_history_is_proposed_as_a_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch) as browser:
        first = await browser.applied(("a", "b", "1"))
        await browser.applied(("a", "b", "2"), ("c", "d", "3"))
        proposed = (await browser.submit(f"{first}restore/")).headers["location"]
        await browser.submit(f"{proposed}apply/")
        assert (await browser.json("/navigate/"))["tuples"] == [["a", "b", "1"]]


async def test_history_comes_in_pages_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        paths = [
            await browser.applied(("a", "b", f"#i{i}"), description=f"change {i}")
            for i in range(50)
        ]
        waiting = await browser.change("waits")
        seen: list[str] = []
        query: dict[str, str] = {}
        while True:
            page = await browser.json("/history/", **query)
            seen += [change["id"] for change in page["changes"]]
            assert len(page["changes"]) <= 42
            if page["next"] is None:
                break
            query = {"after": page["next"]}
        assert seen == [uid_of(path) for path in [waiting, *reversed(paths)]]
        only = await browser.json("/history/", state="open")
        assert [change["message"] for change in only["changes"]] == ["waits"]
        assert "Next page" in words(await browser.get("/history/"))
        assert "First page" in words(
            await browser.get("/history/", after=page["next"] or query["after"])
        )


async def test_tuples_come_in_pages_of_42(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        wanted = [("airport", "code", f"#i{i}") for i in range(100)]
        await browser.applied(*wanted)
        seen: list[list[str]] = []
        page = await browser.get("/navigate/", uid="airport")
        while True:
            data = await browser.json(str(page.request.url.raw_path.decode()))
            assert len(data["tuples"]) <= 42
            seen += data["tuples"]
            following = re.search(r'href="([^"]*)" rel="next"', page.text)
            if following is None:
                break
            address = html.unescape(following[1])
            assert dict(parse_qsl(urlsplit(address).query))["uid"] == "airport"
            page = await browser.get(address)
        assert seen == [list(items) for items in wanted]


async def test_a_pattern_says_what_is_the_same_and_what_may_be_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch) as browser:
        await browser.applied(("a", "knows", "a"), ("a", "knows", "b"), ("b", "likes", "a"))

        async def tuples(**query: str) -> list[list[str]]:
            return (await browser.json("/navigate/", **query))["tuples"]

        assert await tuples(uid="#?x", value="#?x") == [["a", "knows", "a"]]
        assert await tuples(key="likes") == [["b", "likes", "a"]]
        assert len(await tuples(value="a")) == 2
        assert len(await tuples()) == 3
        assert await tuples(uid="#i1") == []


async def test_every_value_leads_to_where_it_occurs(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        await browser.applied(("a", "b", "c"), ("c", "b", "a"), ("c", "x", "#i7"))
        page = await browser.get("/navigate/")
        assert page.text.count("/value/?v=c") >= 2 and "/value/?v=%23i7" in page.text
        data = await browser.json("/value/", v="c")
        assert [(place["column"], len(place["tuples"])) for place in data["places"]] == [
            ("uid", 2),
            ("key", 0),
            ("value", 1),
        ]
        assert "Nowhere." in words(await browser.get("/value/", v="c"))


async def test_a_neighbourhood_is_a_picture_and_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        await browser.applied(
            *(("hub", "to", f"spoke {i}") for i in range(40)),
            ("far", "to", "hub"),
            ("hub", "self", "hub"),
        )
        page = await browser.get("/graph/", v="hub")
        assert page.text.count("<rect") == 33
        assert "There are more than can be drawn" in words(page)
        assert "spoke 39" in words(page)
        data = await browser.json("/graph/", v="hub")
        assert len(data["tuples"]) == 42 and data["more"] is False
        assert "No tuple has it" in words(await browser.get("/graph/", v="nobody"))


async def test_a_form_keeps_what_was_typed_and_says_what_was_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.change()
        page = await browser.submit(f"{path}add/", uid="#x<b>", key="", value="kept as it is")
        assert page.status_code == 400
        assert "#x&lt;b&gt;</textarea>" in page.text and "kept as it is</textarea>" in page.text
        assert page.text.count('aria-invalid="true"') == 2
        assert "write #s before a text that begins with #" in words(
            page
        ) and "key is empty" in words(page)
        data = await browser.json(path)
        assert data["edits"] == []


async def test_a_tuple_too_large_for_a_key_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.change()
        page = await browser.submit(f"{path}add/", uid="a", key="b", value="x" * 20_000)
        assert page.status_code == 400 and "x" * 20_000 in page.text


async def test_removing_what_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.change()
        page = await browser.submit(f"{path}remove/", uid="a", key="b", value="c")
        assert page.status_code == 409 and "no such tuple" in words(page)


async def test_a_form_to_remove_can_be_filled_in_by_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.change()
        page = await browser.get(f"{path}remove/", uid="a<", key="b", value="c")
        assert "a&lt;</textarea>" in page.text


async def test_what_another_change_touched_is_not_applied_unless_forced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch) as browser:
        await browser.applied(("a", "b", "c"))
        fields = {"uid": "a", "key": "b", "value": "c"}
        first, second = await browser.change("first"), await browser.change("second")
        for path in (first, second):
            assert (await browser.submit(f"{path}remove/", **fields)).status_code == 303
        assert (await browser.submit(f"{first}apply/")).status_code == 303
        assert "Other changes have touched" in words(await browser.get(second))
        assert (await browser.json(second))["conflicts"][0]["items"] == ["a", "b", "c"]
        refused = await browser.submit(f"{second}apply/")
        assert refused.status_code == 409 and "Apply it all the same" in words(refused)
        assert (await browser.json(second))["change"]["state"] == "open"
        assert (await browser.submit(f"{second}apply/", force="yes")).status_code == 303
        assert (await browser.json(second))["change"]["state"] == "applied"
        await check(browser)


async def test_an_applied_change_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.applied(("a", "b", "c"))
        token = await browser.token()
        fields = {"uid": "x", "key": "y", "value": "z", "token": token}
        for doing in ("add", "remove"):
            assert (await browser.get(f"{path}{doing}/")).status_code == 409
            assert (await browser.send(f"{path}{doing}/", **fields)).status_code == 409
        assert (
            await browser.send(f"{path}message/", token=token, description="other")
        ).status_code == 409
        assert (await browser.send(f"{path}abandon/", token=token)).status_code == 409
        assert (await browser.send(f"{path}apply/", token=token)).status_code == 303
        assert "applied already" in words(await browser.get(f"{path}apply/"))
        assert (await browser.json(path))["added"] == 1


async def test_what_is_open_cannot_be_gone_back_from(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.change()
        for doing in ("revert", "restore"):
            assert (await browser.get(f"{path}{doing}/")).status_code == 409
            assert (
                await browser.send(f"{path}{doing}/", token=await browser.token())
            ).status_code == 409


async def test_a_change_that_is_abandoned_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.change()
        await browser.submit(f"{path}add/", uid="a", key="b", value="c")
        assert "deleted for good" in words(await browser.get(f"{path}abandon/"))
        assert (await browser.submit(f"{path}abandon/")).headers["location"] == "/history/"
        assert (await browser.get(path)).status_code == 404
        await check(browser)


async def test_a_change_can_be_described_until_it_is_applied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.change("frist", author="Ada")
        page = await browser.get(f"{path}message/")
        assert "frist</textarea>" in page.text and "Ada</textarea>" in page.text
        assert (
            await browser.submit(f"{path}message/", description="first\r\nline two", author="")
        ).status_code == 303
        change = (await browser.json(path))["change"]
        assert (change["message"], change["author"]) == ("first\nline two", None)


@pytest.mark.parametrize(
    "path", ["/history/u/zz/", "/history/u/00000000000000000000000000000000/", "/history/u/1/add/"]
)
async def test_a_change_that_does_not_exist_is_not_found(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async with serving(monkeypatch) as browser:
        page = await browser.get(path)
        assert page.status_code == 404 and "no such change" in words(page)


@pytest.mark.parametrize(
    "columns", ["name", "subject,verb", "graph,subject,predicate,object", "a b,é,<c>,d&e,value"]
)
async def test_columns_other_than_the_usual_three_work_everywhere(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    names = columns.split(",")
    async with serving(monkeypatch, COLUMNS=columns) as browser:
        items = tuple(f"#i{i}" for i in range(len(names)))
        path = await browser.applied(items)
        assert (await browser.json("/navigate/", **{names[-1]: items[-1]}))["tuples"] == [
            list(items)
        ]
        assert (await browser.json("/tuple/", **dict(zip(names, items))))["alive"] is True
        assert len((await browser.json("/value/", v="#i0"))["places"]) == len(names)
        for page in ("/", "/navigate/", "/history/", path, f"{path}apply/", f"{path}revert/"):
            assert (await browser.get(page)).status_code == 200
        assert (await browser.get("/graph/", v="#i0")).status_code == 200
        assert (await browser.get("/tuple/", **dict(zip(names, items)))).status_code == 200
        proposed = (await browser.submit(f"{path}revert/")).headers["location"]
        await browser.submit(f"{proposed}apply/")
        assert (await browser.json("/navigate/"))["tuples"] == []


async def test_every_stored_type_is_shown_and_can_be_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch) as browser:
        hostile = [
            None,
            True,
            2**2000,
            -1.5,
            float("nan"),
            b"\x00\xff",
            "",
            "_",
            "#none",
            "<script>alert(1)</script>",
            "\x00\x1b[31m\n\r\n",
            "'\"&amp;",
            "\U0001d518\u202e",
            ("nested", (b"", None, ("deep",))),
            found.SingleFloat(1.5),
            found.Versionstamp(b"0123456789", 7),
        ]
        store = browser.site.store

        async def fill(tx: found.Transaction) -> None:
            uid = await vnstore.change_create(tx, store, message="<b>&")
            for value in hostile:
                await vnstore.add(tx, store, "hostile", value, value)
            await vnstore.change_apply(tx, store, uid)

        await found.transactional(browser.site.db, fill)
        page = await browser.get("/navigate/", uid="hostile")
        assert page.status_code == 200 and "<script" not in page.text
        rows = (await browser.json("/navigate/", uid="hostile"))["tuples"]
        assert len(rows) == len(hostile)
        for _, _, text in rows:
            followed = await browser.json("/value/", v=text)
            assert any(text in row for place in followed["places"] for row in place["tuples"]), text
            for where in ("/value/", "/graph/"):
                assert (await browser.get(where, v=text)).status_code == 200
            assert (
                await browser.get("/tuple/", uid="hostile", key=text, value=text)
            ).status_code == 200
        assert "<b>" not in (await browser.get("/history/")).text


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/navigate/", {"uid": "#x"}),
        ("/navigate/", {"uid": "#?"}),
        ("/navigate/", {"after": "zz"}),
        ("/navigate/", {"after": "00ff"}),
        ("/navigate/", {"as_of": "yesterday"}),
        ("/navigate/", {"as_of": "00000000000000000000000000000000"}),
        ("/navigate/", {"as_of": "9999-12-31T23:59:59-14:00"}),
        ("/history/", {"after": "zz"}),
        ("/history/", {"after": "ff00"}),
        ("/history/", {"state": "lost"}),
        ("/value/", {}),
        ("/value/", {"v": "#x"}),
        ("/graph/", {"v": "#x"}),
        ("/tuple/", {"uid": "a"}),
    ],
)
async def test_a_bad_address_is_a_page_that_says_why(
    monkeypatch: pytest.MonkeyPatch, path: str, query: dict[str, str]
) -> None:
    async with serving(monkeypatch) as browser:
        page = await browser.get(path, **query)
        assert page.status_code == 400
        assert len((await browser.json(path, **query))["error"]) > 15


async def test_a_moment_can_be_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        await browser.applied(("a", "b", "c"))
        assert (await browser.json("/navigate/", as_of="2020-01-01T00:00:00Z"))["tuples"] == []
        assert (await browser.json("/navigate/", as_of="2100-01-01T00:00:00"))["tuples"] == [
            ["a", "b", "c"]
        ]


async def test_a_start_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "no-folder").touch()
    monkeypatch.setenv("FOUND_VNSTORE_DATABASE", f"embedded:{tmp_path}/no-folder/file")
    with pytest.raises(RuntimeError, match=r"cannot start: .*no-folder"):
        async with lifespan():
            pass
    monkeypatch.setenv("FOUND_VNSTORE_DATABASE", "memory:")
    for columns in ("", "a,,b", "a,a", "token"):
        monkeypatch.setenv("FOUND_VNSTORE_COLUMNS", columns)
        with pytest.raises(RuntimeError, match="column"):
            async with lifespan():
                pass


async def test_the_end_of_the_server_closes_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        db = browser.site.db
    with pytest.raises(RuntimeError):
        found.make_transaction(db)


async def test_the_demo_has_something_to_see(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch, "memory:server-demo", DEMO="1") as browser:
        assert "Paris has a name for its largest airport" in words(await browser.get("/history/"))
        assert "Roissy" in words(await browser.get("/navigate/", uid="CDG"))
        await check(browser)
        before = await browser.json("/")
        async with serving(monkeypatch, "memory:server-demo", DEMO="1") as again:
            assert await again.json("/") == before


async def test_readers_and_writers_at_once_leave_a_store_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch) as browser:

        async def write(writer: int) -> None:
            for i in range(4):
                path = await browser.applied(
                    (f"writer {writer}", "wrote", f"#i{i}"), ("all", "wrote", f"{writer}.{i}")
                )
                proposed = await browser.submit(f"{path}revert/")
                assert proposed.status_code == 303
                applied = await browser.submit(f"{proposed.headers['location']}apply/")
                assert applied.status_code == 303

        writers = [asyncio.ensure_future(write(writer)) for writer in range(5)]

        async def read() -> None:
            pages = ("/", "/history/", "/navigate/?uid=all", "/value/?v=wrote", "/graph/?v=all")
            while not all(writer.done() for writer in writers):
                for page in pages:
                    assert (await browser.get(page)).status_code == 200

        await asyncio.gather(*writers, *(read() for _ in range(50)))
        assert (await browser.json("/"))["changes"] == {"open": 0, "applied": 40}
        await check(browser)
