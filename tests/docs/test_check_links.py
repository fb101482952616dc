"""The check of links within a built site."""

from docs.check_links import broken_links


def test_files_and_anchors_that_are_missing_are_found(tmp_path):
    (tmp_path / "b.html").write_text('<h1 id="here">B</h1><a href="#nowhere">c</a>')
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">1</a><a href="b.html#there">2</a><img src="c.png"><a href="https://example.org/x">3</a>'
        '<a href="b.html?x=1">4</a><a href="a%20b.html">5</a>'
    )
    assert broken_links(tmp_path) == [
        "a.html: no anchor b.html#there",
        "a.html: no file c.png",
        "a.html: no file a%20b.html",
        "b.html: no anchor #nowhere",
    ]
    (tmp_path / "a b.html").write_text("")
    assert "a.html: no file a%20b.html" not in broken_links(tmp_path)
