"""found-vnstore for programs: JSON under the paths of the pages, as openapi.json describes it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from serving import Browser, serving

JSON = {"accept": "application/json"}


async def test_a_program_tells_the_whole_story(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        program = Browser(browser.site, JSON)

        async def post(path: str, **fields: str) -> Any:
            response = await program.client.post(path, json=fields)
            assert response.status_code < 300, response.text
            return response.json()

        uid = (await post("/history/change/", description="by a program", author="robot"))["id"]
        assert (await post(f"/history/u/{uid}/add/", uid="a", key="b", value="#i1"))["items"] == [
            "a",
            "b",
            "#i1",
        ]
        fresh = await post(f"/history/u/{uid}/add/", uid="_", key="b", value="#i2")
        assert fresh["items"][0].startswith("#u")
        assert (await post(f"/history/u/{uid}/apply/"))["state"] == "applied"
        assert len((await browser.json("/navigate/"))["tuples"]) == 2
        undone = (await post(f"/history/u/{uid}/revert/", author="robot"))["id"]
        await post(f"/history/u/{undone}/apply/")
        assert (await browser.json("/navigate/"))["tuples"] == []
        store = await browser.json("/")
        assert store["changes"] == {"open": 0, "applied": 2} and store["tuples"] == 0
        await program.client.aclose()


async def test_errors_are_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        program = Browser(browser.site, JSON)
        for method, path, body, status in [
            ("GET", "/nowhere/", None, 404),
            ("DELETE", "/", None, 405),
            ("POST", "/history/change/", [], 400),
            ("POST", "/history/u/00/add/", {}, 404),
        ]:
            response = await program.client.request(method, path, json=body)
            assert response.status_code == status and isinstance(response.json()["error"], str)
        uid = (await program.client.post("/history/change/", json={})).json()["id"]
        response = await program.client.post(f"/history/u/{uid}/add/", json={"uid": "#x"})
        assert response.status_code == 400 and set(response.json()["problems"]) == {
            "uid",
            "key",
            "value",
        }
        await program.client.aclose()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("*/*", "text/html"),
        ("", "text/html"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("application/json;q=0.1, text/html", "text/html"),
        ("application/json;q=x", "text/html"),
        (";;,,q=", "text/html"),
    ],
)
async def test_who_asks_for_json_gets_it(
    monkeypatch: pytest.MonkeyPatch, accept: str, kind: str
) -> None:
    async with serving(monkeypatch) as browser:
        response = await browser.client.get("/history/", headers={"accept": accept})
        assert response.headers["content-type"].startswith(kind)
        assert "accept" in response.headers["vary"].lower()


async def test_answers_are_as_the_description_says(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as browser:
        path = await browser.applied(("a", "b", "c"), ("a", "b", "d"))
        other = await browser.change("another", author="me")
        await browser.submit(f"{other}remove/", uid="a", key="b", value="c")
        description = await browser.json("/openapi.json")
        asked = {
            "/": {},
            "/history/": {},
            "/history/u/{uid}/": {},
            "/history/change/": {},
            "/navigate/": {"uid": "a"},
            "/value/": {"v": "a"},
            "/tuple/": {"uid": "a", "key": "b", "value": "c"},
            "/graph/": {"v": "a"},
        }
        forms = {"message", "add", "remove", "apply", "revert", "restore", "abandon"}
        described = {where for where in description["paths"] if where.split("/")[-2] not in forms}
        assert described == set(asked)
        for where, query in asked.items():
            schema = description["paths"][where]["get"]["responses"]["200"]["content"][
                "application/json"
            ]["schema"]
            whole = {**schema, "components": description["components"]}
            for uid in (path.split("/")[3], other.split("/")[3]):
                jsonschema.validate(await browser.json(where.replace("{uid}", uid), **query), whole)
