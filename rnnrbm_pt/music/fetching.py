"""Downloads that are either complete and checked, or leave nothing behind."""

import http.client
import os
import socket
import ssl
import string
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from rnnrbm_pt import __version__
from rnnrbm_pt.io.atomic_write import FilePath, remove_leftovers, replacing
from rnnrbm_pt.quoting import printable

MAX_BYTES = 64 * 2**20
PIECE = 2**16  # bytes
TIMEOUT = 30.0  # seconds without a byte
WHOLE_TIMEOUT = 1200.0  # seconds per address, so that a slow server cannot keep us for ever
REDIRECTING = (301, 302, 303, 307, 308)
MAX_REDIRECTIONS = 5


class FetchError(OSError):
    """A download failed. The message begins with the address."""


def fetch_file(urls: Sequence[str], path: FilePath, check: Callable[[Path], object], progress: bool = False) -> str:
    """Download a file from the first address that works, check it, and save it.

    Parameters
    ----------
    urls : list of str
        http or https addresses, in the order to try them.
    path : path-like
        Where to save the file; an existing file is replaced.
    check : callable
        Called as check(temporary path); raises ValueError if the file is not the expected one. The address replaces
        the path in its message.
    progress : bool
        Whether to show a progress bar on stderr. It appears only on a terminal.

    Returns
    -------
    str
        The address that worked.

    Raises
    ------
    FetchError
        If no address works: it cannot be reached, answers with an HTTP error or redirects to something other than http
        or https; or the transfer breaks off, is too large or takes more than 20 minutes. No partial file is left.
    ValueError
        If an address is not http or https, or if `check` refuses a file and no later address works.
    OSError
        If the file cannot be written.
    """
    for url in urls:
        _check_scheme(url)
    remove_leftovers(path)  # of an earlier download that was killed
    errors = []
    for url in urls:
        try:
            with replacing(path) as temporary:
                _download(url, temporary, progress)
                _check(check, temporary, url)
            return url
        except (FetchError, ValueError) as err:
            errors.append(err)
    if len(errors) == 1:
        raise errors[0]
    sentences = "; ".join(map(str, errors))
    raise (FetchError if all(isinstance(err, FetchError) for err in errors) else ValueError)(sentences)


def _check(check, temporary, url):
    try:
        check(temporary)
    except ValueError as err:
        raise ValueError(str(err).replace(str(temporary), url)) from err


def join(base: str, name: str) -> str:
    """The address of a file in a folder, with spaces and the like percent-encoded."""
    return base.rstrip("/") + "/" + urllib.parse.quote(name)


class _Deadline:
    """Closes the connections made through it when the time is up."""

    def __init__(self, seconds):
        self.sockets, self.over = [], False
        self.timer = threading.Timer(seconds, self._end)
        self.timer.daemon = True

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, *_):
        self.timer.cancel()

    def _end(self):
        self.over = True
        for sock in self.sockets:
            with suppress(OSError):  # already closed
                sock.shutdown(socket.SHUT_RDWR)

    def connection(self, kind):
        """A subclass of `kind` whose sockets are closed at the deadline."""
        deadline = self

        class Connection(kind):
            def connect(self):
                super().connect()
                deadline.sockets.append(self.sock)
                if deadline.over:
                    raise TimeoutError

        return Connection


def _opener(deadline):
    # Built by hand, because the default opener also opens file: and ftp: addresses and follows redirections to them.
    class Http(urllib.request.HTTPHandler):
        def http_open(self, request):
            return self.do_open(deadline.connection(http.client.HTTPConnection), request)

    class Https(urllib.request.HTTPSHandler):
        def https_open(self, request):
            return self.do_open(deadline.connection(http.client.HTTPSConnection), request)

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        Http(),
        Https(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", f"rnnrbm_pt/{__version__}")]
    return opener


def _open(url, deadline):
    """Open an address, following redirections to http or https. A redirection from https must lead to https."""
    address = url
    for _ in range(MAX_REDIRECTIONS + 1):
        try:
            return _opener(deadline).open(address, timeout=TIMEOUT)
        except urllib.error.HTTPError as err:
            with err:
                location = err.headers.get("Location") if err.code in REDIRECTING else None
            if location is None:
                raise
        address = _redirected(address, location, url)
    raise FetchError(f"{url}: expected a file, found more than {MAX_REDIRECTIONS} redirections")


def _redirected(old, location, url):
    new = urllib.parse.urljoin(old, urllib.parse.quote(location, safe=string.punctuation, encoding="iso-8859-1"))
    allowed = ("https",) if urllib.parse.urlsplit(old).scheme == "https" else ("http", "https")
    if urllib.parse.urlsplit(new).scheme not in allowed:
        raise FetchError(f"{url}: expected a file, found a redirection from {printable(old)} to {printable(new)}")
    return new


def _check_scheme(url):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url}: expected an address that begins with http:// or https://")


def _download(url, path, progress):
    with _Deadline(WHOLE_TIMEOUT) as deadline:
        try:
            _transfer(url, path, progress, deadline)
        except FetchError:
            if not deadline.over:
                raise
        if deadline.over:
            raise FetchError(f"{url}: expected the whole file within {WHOLE_TIMEOUT:g} s, found an unfinished transfer")


def _transfer(url, path, progress, deadline):
    try:
        with _open(url, deadline) as response, open(path, "wb") as file:
            announced = response.headers.get("Content-Length", "")
            announced = int(announced) if announced.isdecimal() and len(announced) < 16 else None
            if announced is not None and announced > MAX_BYTES:
                raise FetchError(f"{url}: expected {MAX_BYTES:,} bytes at most, found a file of {announced:,}")
            received = _copy(response, file, url, announced, progress)
    except urllib.error.HTTPError as err:
        raise FetchError(f"{url}: the server answered {err.code} {_reason(err.reason)}") from err
    except urllib.error.URLError as err:
        raise FetchError(f"{url}: cannot be reached ({_reason(err.reason)})") from err
    except (ConnectionError, TimeoutError, ssl.SSLError, http.client.HTTPException, ValueError) as err:
        raise FetchError(f"{url}: the transfer failed ({_reason(err)})") from err
    if announced is not None and received != announced:
        raise FetchError(f"{url}: the transfer broke off, expected {announced:,} bytes, found {received:,}")


def _copy(response, file, url, announced, progress):
    received = 0
    name = urllib.parse.unquote(os.path.basename(urllib.parse.urlsplit(url).path))
    with tqdm(
        total=announced, desc=name, unit="B", unit_scale=True, delay=1, disable=None if progress else True
    ) as bar:
        while piece := response.read(PIECE):
            received += len(piece)
            if received > MAX_BYTES:
                raise FetchError(f"{url}: expected {MAX_BYTES:,} bytes at most, found more")
            file.write(piece)
            bar.update(len(piece))
    return received


def _reason(error):
    """The text of an error, such as "Connection refused", on one line and without its number."""
    return printable(" ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split()))
