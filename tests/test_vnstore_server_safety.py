"""found-vnstore among other sites and hostile programs: what it lets through, and what it says of itself."""

from __future__ import annotations

import logging

import httpx
import pytest
from serving import HOST, Browser, serving, words

FIELDS = {"uid": "a", "key": "b", "value": "c"}


async def test_a_form_without_its_token_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        for token in ({}, {"token": ""}, {"token": "0" * 64}, {"token": "é"}):
            page = await browser.send("/history/change/", description="forged", **token)
            assert page.status_code == 403 and "load the page again" in words(page)
        assert (await browser.json("/history/"))["changes"] == []


async def test_the_token_of_one_browser_is_not_another_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(monkeypatch) as browser:
        other = Browser(browser.site)
        token = await browser.token()
        await other.get("/")
        assert (
            await other.send("/history/change/", description="x", token=token)
        ).status_code == 403
        await other.client.aclose()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8001"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_what_another_site_sends_does_nothing(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    async with serving(monkeypatch) as browser:
        token = await browser.token()
        for sent in (
            browser.client.post("/history/change/", data={"token": token}, headers=headers),
            browser.client.post("/history/change/", json={"description": "x"}, headers=headers),
        ):
            assert (await sent).status_code == 403
        assert (await browser.json("/history/"))["changes"] == []


async def test_our_own_origin_is_welcome(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        token = await browser.token()
        page = await browser.client.post(
            "/history/change/", data={"token": token}, headers={"origin": HOST}
        )
        assert page.status_code == 303


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("192.168.1.7:8000", 200),
        ("known.example", 200),
        ("KNOWN.example:80", 200),
        ("rebound.example", 400),
        ("known.example.evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("[::1", 400),
        ("", 400),
    ],
)
async def test_a_name_that_is_not_ours_is_refused(
    monkeypatch: pytest.MonkeyPatch, host: str, status: int
) -> None:
    async with serving(monkeypatch, ALLOWED_HOSTS="known.example") as browser:
        page = await browser.client.get("/", headers={"host": host})
        assert page.status_code == status


async def test_every_answer_keeps_browsers_from_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        pages = [
            await browser.get("/"),
            await browser.get("/nowhere"),
            await browser.get("/static/style.css"),
            await browser.get("/openapi.json"),
            await browser.send("/history/change/"),
            await browser.client.get("/", headers={"host": "rebound.example"}),
        ]
        for page in pages:
            policy = page.headers["content-security-policy"]
            assert (
                "unsafe" not in policy
                and "frame-ancestors 'none'" in policy
                and "default-src 'none'" in policy
            )
            assert page.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in "".join(page.text for page in pages)
        assert " style=" not in "".join(page.text for page in pages)


async def test_the_cookie_stays_with_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        cookie = (await browser.get("/history/change/")).headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and "secure" not in cookie
        assert "set-cookie" not in (await browser.get("/")).headers
        secure = Browser(browser.site)
        page = await secure.client.get("https://localhost/history/change/")
        assert "secure" in page.headers["set-cookie"].lower()
        await secure.client.aclose()


async def test_a_cookie_that_was_made_up_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        page = await browser.client.get(
            "/history/change/", headers={"cookie": 'found-vnstore="<b>; \\"'}
        )
        assert page.status_code == 200 and "set-cookie" in page.headers


async def test_wrong_methods_are_told_the_right_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.change()
        for where, allowed in (
            ("/", {"GET", "HEAD"}),
            ("/history/", {"GET", "HEAD"}),
            ("/history/change/", {"GET", "HEAD", "POST"}),
            (f"{path}add/", {"GET", "HEAD", "POST"}),
            ("/navigate/", {"GET", "HEAD"}),
        ):
            page = await browser.client.request("DELETE", where)
            assert page.status_code == 405
            assert set(page.headers["allow"].split(", ")) == allowed
            assert "method" in words(page)


async def test_head_is_get_without_its_body(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        for path in ("/", "/history/", "/history/change/", "/navigate/", "/static/style.css"):
            page = await browser.client.head(path)
            assert page.status_code == 200


async def test_a_missing_slash_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        page = await browser.get("/navigate", uid="a")
        assert page.status_code in (307, 308) and page.headers["location"].endswith(
            "/navigate/?uid=a"
        )


@pytest.mark.parametrize("length", [400_001, 5_000_000])
async def test_a_body_that_never_ends_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    async with serving(monkeypatch) as browser:
        token = await browser.token()
        said = await browser.send("/history/change/", token=token, description="x" * length)
        assert said.status_code == 413

        async def unsaid():
            yield b"description="
            for _ in range(length // 10_000 + 1):
                yield b"x" * 10_000

        headers = {"content-type": "application/x-www-form-urlencoded"}
        page = await browser.client.post("/history/change/", content=unsaid(), headers=headers)
        assert page.status_code == 413


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"%ff=%fe", "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"f%d=1" % i for i in range(100)), "application/x-www-form-urlencoded", 400),
        (b"a", "text/plain", 415),
        (b"a", "multipart/form-data; boundary=x", 415),
        (b"{", "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"description": 1}', "application/json", 400),
        (b'{"description": "\\ud800"}', "application/json", 400),
        (b"", "", 403),
    ],
)
async def test_a_form_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, content: bytes, kind: str, status: int
) -> None:
    async with serving(monkeypatch) as browser:
        headers = {"content-type": kind} if kind else {}
        page = await browser.client.post("/history/change/", content=content, headers=headers)
        assert page.status_code == status, page.text


async def test_an_address_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        assert (await browser.get("/navigate/?uid=%ff")).status_code == 400
        assert (
            await browser.get("/navigate/?" + "&".join(f"f{i}=1" for i in range(100)))
        ).status_code == 400
        assert (await browser.get("/navigate/?uid=" + "x" * 61_000)).status_code == 414
        assert (await browser.get("/static/../application.py")).status_code == 404
        assert (await browser.get("/static/%2e%2e/application.py")).status_code == 404


@pytest.mark.parametrize("field", ["description", "author"])
async def test_a_message_too_long_keeps_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    async with serving(monkeypatch) as browser:
        typed = {"description": "about", "author": "me", field: "x" * 30_000}
        page = await browser.submit("/history/change/", **typed)
        assert (
            page.status_code == 400
            and "x" * 30_000 in page.text
            and f"{field} has more than" in words(page)
        )


async def test_logs_do_not_hold_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(monkeypatch) as browser:
        caplog.set_level(logging.DEBUG, logger="found")
        path = await browser.change("secret one")
        await browser.submit(f"{path}add/", uid="secret two", key="b", value="#xsecret three")
        await browser.get("/navigate/", uid="secret four")
        await browser.get("/history/u/%1b%5b31m/")
        ours = [record.getMessage() for record in caplog.records if record.name.startswith("found")]
        assert any(message.startswith("GET /navigate/ 200") for message in ours)
        assert "secret" not in "".join(ours) and "\x1b" not in "".join(ours)


async def test_a_page_that_fails_is_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:

        def fail(*args: object, **kwargs: object) -> None:
            raise ZeroDivisionError("a fault")

        monkeypatch.setattr("found.ext.vnstore.history", fail)
        page = await browser.get("/history/")
        assert (
            page.status_code == 500
            and "Traceback" not in page.text
            and "ZeroDivision" not in page.text
        )


async def test_a_database_that_does_not_answer_is_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    import found

    async with serving(monkeypatch) as browser:

        async def fail(*args: object, **kwargs: object) -> None:
            raise found.FoundException(1031)

        monkeypatch.setattr("found.ext.vnstore.history", fail)
        page: httpx.Response = await browser.get("/history/")
        assert page.status_code == 503 and "try again" in words(page)
