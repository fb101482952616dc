"""Tests of downloads from a local server, which also behaves like a faulty or hostile one."""

import os
import threading

import pytest

from rnnrbm_pt.music import fetching
from rnnrbm_pt.music.fetching import FetchError, fetch_file, join


def anything(path):
    pass


def fetched(tmp_path, *urls, check=anything):
    return fetch_file(list(urls), tmp_path / "new" / "a.zip", check)


def left(tmp_path):
    return sorted(os.listdir(tmp_path / "new")) if (tmp_path / "new").exists() else []


def test_a_file_comes_whole(server, tmp_path, capsys):
    server.answers["/a%20b.zip"] = b"x" * 200_000
    seen = []
    url = join(server.base + "/", "a b.zip")
    assert fetched(tmp_path, url, check=lambda path: seen.append((path.suffix, path.stat().st_size))) == url
    assert (tmp_path / "new" / "a.zip").read_bytes() == b"x" * 200_000
    assert left(tmp_path) == ["a.zip"] and seen == [(".zip", 200_000)]
    assert capsys.readouterr() == ("", "")


def test_without_a_length_and_in_chunks(server, tmp_path):
    def plain(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"to the end")

    def chunked(handler):
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"2\r\nin\r\n3\r\n si\r\n0\r\n\r\n")

    server.answers |= {"/plain": plain, "/chunked": chunked}
    for name, content in {"plain": b"to the end", "chunked": b"in si"}.items():
        fetched(tmp_path, f"{server.base}/{name}")
        assert (tmp_path / "new" / "a.zip").read_bytes() == content


def closes_early(handler):
    handler.reply(200, b"half", Content_Length=1000)


def closes_early_in_a_chunk(handler):
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"100\r\nhalf")
    handler.close_connection = True


def closes_at_once(handler):
    handler.close_connection = True


def no_http(handler):
    handler.wfile.write(b"what?\x1b[2J\r\n\r\n")


def announces_too_much(handler):
    handler.reply(200, b"x", Content_Length=fetching.MAX_BYTES + 1)


def too_much(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"x" * (fetching.MAX_BYTES + 1))


def to(place):
    return lambda handler: handler.reply(302, b"elsewhere", Location=place)


@pytest.mark.parametrize(
    "answer, said",
    [
        (None, "the server answered 404 Not Found"),
        (lambda handler: handler.send_error(503, "Busy\x1b[2J"), r"the server answered 503 Busy"),
        (closes_early, "the transfer"),
        (closes_early_in_a_chunk, "the transfer failed"),
        (closes_at_once, "the transfer failed|cannot be reached"),
        (no_http, "the transfer failed"),
        (announces_too_much, "expected 1,000 bytes at most, found a file of 1,001"),
        (too_much, "expected 1,000 bytes at most, found more"),
        (to("file:///etc/passwd"), "found a redirection from http://.* to file:///etc/passwd"),
        (to("ftp://127.0.0.1/a.zip"), "found a redirection from http://.* to ftp://127.0.0.1/a.zip"),
        (to("/a.zip"), "expected a file, found more than 5 redirections"),
        (to("http://[/"), "the transfer failed"),
        (to("//a b\x1b/"), "the transfer failed|cannot be reached"),
        (lambda handler: handler.reply(302, b""), "the server answered 302"),
        (lambda handler: handler.reply(204, b""), "refused"),
    ],
)
def test_what_goes_wrong_leaves_nothing(server, tmp_path, monkeypatch, answer, said):
    def refuse_empty(path):
        if not path.stat().st_size:
            raise ValueError(f"{path}: refused")

    monkeypatch.setattr(fetching, "MAX_BYTES", 1000)
    server.answers["/a.zip"] = answer
    url = server.base + "/a.zip"
    with pytest.raises((FetchError, ValueError), match=f"^{url}: .*({said})") as caught:
        fetched(tmp_path, url, check=refuse_empty)
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)
    assert left(tmp_path) == []


def test_a_redirection_is_followed(server, tmp_path):
    server.answers |= {"/a": to("/b"), "/b": b"there"}
    fetched(tmp_path, server.base + "/a")
    assert (tmp_path / "new" / "a.zip").read_bytes() == b"there"


def test_never_from_https_to_http():
    with pytest.raises(FetchError, match="^https://a/x: expected a file, found a redirection from https://a/x to http"):
        fetching._redirected("https://a/x", "http://a/x", "https://a/x")
    assert fetching._redirected("https://a/x", "https://b/ x", "https://a/x") == "https://b/%20x"
    assert fetching._redirected("https://a/x", "y", "https://a/x") == "https://a/y"


def test_nobody_there(unreachable, tmp_path):
    with pytest.raises(FetchError, match=rf"^{unreachable}/a\.zip: cannot be reached \(Connection refused\)$"):
        fetched(tmp_path, unreachable + "/a.zip")
    assert left(tmp_path) == []


def test_silence(server, tmp_path, monkeypatch):
    over = threading.Event()
    server.answers["/a.zip"] = lambda handler: (handler.reply(200, b"half", Content_Length=9), over.wait())
    monkeypatch.setattr(fetching, "TIMEOUT", 0.1)
    with pytest.raises(FetchError, match=r"the transfer failed \(timed out\)"):
        fetched(tmp_path, server.base + "/a.zip")
    over.set()
    assert left(tmp_path) == []


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_server_that_drips(server, tmp_path, monkeypatch, where):
    over = threading.Event()

    def drips(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n" + (b"X: " if where == "head" else b"\r\n"))
        while not over.wait(0.01):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    server.answers["/a.zip"] = drips
    monkeypatch.setattr(fetching, "WHOLE_TIMEOUT", 0.3)
    with pytest.raises(
        FetchError, match=rf"^{server.base}/a\.zip: expected the whole file within 0.3 s, found an unfinished"
    ):
        fetched(tmp_path, server.base + "/a.zip")
    over.set()
    assert left(tmp_path) == []


def test_the_next_address_is_tried(server, unreachable, tmp_path):
    server.answers |= {"/bad": b"bad", "/good": b"good"}

    def check(path):
        if path.read_bytes() != b"good":
            raise ValueError(f"{path}: wrong")

    good = server.base + "/good"
    assert fetched(tmp_path, unreachable + "/x", server.base + "/bad", good, check=check) == good
    assert left(tmp_path) == ["a.zip"]
    with pytest.raises(ValueError, match=rf"{unreachable}/x: cannot be .*; {server.base}/bad: wrong$"):
        fetched(tmp_path, unreachable + "/x", server.base + "/bad", check=check)
    assert (tmp_path / "new" / "a.zip").read_bytes() == b"good"  # unchanged


def test_interrupted_by_the_user(server, tmp_path):
    def interrupted(path):
        raise KeyboardInterrupt

    server.answers["/a"] = b"x"
    with pytest.raises(KeyboardInterrupt):
        fetched(tmp_path, server.base + "/a", check=interrupted)
    assert left(tmp_path) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "/etc/passwd", "http:///x", "a.zip"])
def test_addresses_of_other_kinds(tmp_path, url):
    with pytest.raises(ValueError, match=f"^{url}: expected an address that begins with http"):
        fetched(tmp_path, "http://127.0.0.1:1/x", url)
