"""Files from the authors' addresses, which are in place whole and looked at, or not at all."""

import http.client
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request

from tqdm import tqdm

from rnnrbm_pt import __version__
from rnnrbm_pt.files import replacing
from rnnrbm_pt.music.archives import printable

MAX_BYTES = 64 * 2**20
PIECE = 2**16  # bytes
TIMEOUT = 30.0  # seconds without a byte


class FetchError(OSError):
    """A file could not be had from an address: one sentence, which begins with the address."""


def fetch_file(urls, path, check, progress=False):
    """Download a file from the first of some addresses that gives it, and put it in its place.

    Parameters
    ----------
    urls : list of str
        http or https, in the order they are tried.
    path : path-like
        Where it shall be; what stands there is replaced.
    check : callable
        check(temporary path) raises ValueError of a file that is not what it should be. In its sentence the address
        stands in for the path.
    progress : bool
        Whether to draw a bar on stderr, when that is a terminal.

    Returns
    -------
    str
        The address that gave it.

    Raises
    ------
    FetchError
        If none did: unreachable, an HTTP error, broken off, too large, sent elsewhere than to http or https. Then
        nothing is left behind.
    ValueError
        If an address is none of http or https, or as `check` does, of the last address tried.
    OSError
        If the file cannot be written.
    """
    for url in urls:
        _check_scheme(url)
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


def join(base, name):
    """The address of a file below a base, with what an address may not have written as %20."""
    return base.rstrip("/") + "/" + urllib.parse.quote(name)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows what leads to http or https, and from https only to https."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        old, new = (urllib.parse.urlsplit(url).scheme for url in (req.full_url, newurl))
        if new != "https" and (new != "http" or old == "https"):
            raise FetchError(f"{req.full_url}: expected a file, found a redirection to {printable(newurl)}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(self, req, fp, code, msg, headers):
        fp.close()  # the inherited one would read whatever comes with a redirection, however long
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener():
    # Put together by hand: the usual one would open file: and ftp: as well.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", f"rnnrbm_pt/{__version__}")]
    return opener


def _check_scheme(url):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url}: expected an address that begins with http:// or https://")


def _download(url, path, progress):
    try:
        with _opener().open(url, timeout=TIMEOUT) as response, open(path, "wb") as file:
            announced = response.headers.get("Content-Length", "")
            announced = int(announced) if announced.isdecimal() and len(announced) < 16 else None
            if announced is not None and announced > MAX_BYTES:
                raise FetchError(f"{url}: expected {MAX_BYTES:,} bytes at most, found {announced:,} announced")
            received = _copy(response, file, url, announced, progress)
    except urllib.error.HTTPError as err:
        with err:
            raise FetchError(f"{url}: the server answers {err.code} {_reason(err.reason)}") from err
    except urllib.error.URLError as err:
        raise FetchError(f"{url}: cannot be reached ({_reason(err.reason)})") from err
    except (ConnectionError, TimeoutError, ssl.SSLError, http.client.HTTPException, UnicodeError) as err:
        raise FetchError(f"{url}: broken off ({_reason(err)})") from err
    if announced is not None and received != announced:
        raise FetchError(f"{url}: broken off, expected {announced:,} bytes, found {received:,}")


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
    """ "Connection refused" and the like, on one line and without the number."""
    return printable(" ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split()))
