"""A file is what its first bytes say, whatever it is called; the suffix decides where these say nothing."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from pipeline.data import photo_kinds
from pipeline.data.photo_kinds import READABLE, UNREADABLE, is_hidden, kind_of, sniff


def encoded(form):
    buffer = io.BytesIO()
    Image.fromarray(np.arange(768, dtype=np.uint8).reshape(16, 16, 3)).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("form", "what"),
    [("JPEG", "JPEG"), ("MPO", "JPEG"), ("PNG", "PNG"), ("GIF", "GIF"), ("BMP", "BMP"), ("TIFF", "TIFF"),
     ("WEBP", "WebP"), ("PPM", "PPM")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a.jpg", "a.HEIC", "subject01.glasses", "a", "a.txt", "p\\a.png", "photo.jpg.1"])
def test_photos_whatever_they_are_called(form, what, name):
    if form == "TIFF" and name == "a.HEIC":
        name = "a.jpg"  # TIFF under the suffix of a camera's raw image: its own test
    kind = kind_of(name, encoded(form)[: photo_kinds.HEAD])
    assert (kind.use, kind.what) == ("photo", what)


@pytest.mark.parametrize("form", ["AVIF", "JPEG2000", "ICO", "SGI", "EPS", "DDS", "QOI"])
def test_images_that_are_not_read(form):
    for name in ("a.jpg", "a.xyz", "a"):
        assert kind_of(name, encoded(form)[: photo_kinds.HEAD]).use == "unreadable"


FTYP = b"\0\0\0\x18ftyp%b\0\0\0\0mif1heic"
HEADS = {
    "HEIC image": FTYP % b"heic",
    "AVIF image": FTYP % b"avif",
    "raw image of a camera": FTYP % b"crx ",
    "JPEG 2000 image": b"\xff\x4f\xff\x51\0\x2f",
    "JPEG XL image": b"\0\0\0\x0cJXL \r\n\x87\n",
    "Photoshop image": b"8BPS\0\1",
    "SVG drawing": b'<?xml version="1.0"?>\n<!-- a -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "image of floating-point numbers": b"Pf\n3 4\n-1.0\n",
    "PAM image": b"P7\nWIDTH 3\n",
    "Git LFS pointer instead of its file": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "DVC pointer instead of its file": b"outs:\n- md5: 0\n",
    "macOS file of attributes (AppleDouble)": b"\0\x05\x16\x07\0\2\0\0Mac OS X",
    "PDF document": b"%PDF-1.7\n",
    "HTML page": b"\n<!DOCTYPE html>\n<html><head><title>404</title>",
    "XML document": b"<Error><Code>AccessDenied</Code></Error>",
    "JSON document": b'{"message": "Not Found"}',
    "zip archive": b"PK\3\4\x14\0",
    "video": FTYP % b"qt  ",
    "Windows compound file (Thumbs.db, Office)": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "run of zero bytes": bytes(4096),
    "text": b"404: Not Found",
    "empty file": b"",
}


@pytest.mark.parametrize("what", HEADS)
def test_what_is_no_photo_is_called_what_it_is(what):
    kind = kind_of("a.jpg", HEADS[what])
    assert (kind.use, kind.what) == ("unreadable", what)
    assert kind_of("a.txt", HEADS[what]).use == sniff(HEADS[what]).use


def test_a_camera_keeps_its_raw_image_in_tiff():
    tiff = encoded("TIFF")
    assert kind_of("a.dng", tiff).use == kind_of("a.NEF", tiff).use == "unreadable"
    assert sniff(b"II*\0\x10\0\0\0CR\2\0").what == kind_of("a.tif", b"II*\0\x10\0\0\0CR\2\0").what == UNREADABLE[".cr2"]


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("p/a.JPG", "photo"), ("p/a.pgm", "photo"), ("a.jfif", "photo"), ("a.HEIC", "unreadable"),
        ("a.cr2", "unreadable"),
        ("p\\._a.jpg", "hidden"), ("__MACOSX/p/a.jpg", "hidden"), ("p/Thumbs.db", "hidden"), ("p/.DS_Store", "hidden"),
        ("p/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "hidden"), ("p/desktop.ini", "hidden"), (".git/a.jpg", "hidden"),
        ("./p/../p/a.jpg", "photo"), ("readme.txt", "other"), ("a", "other"), ("a.pdf", "other"), ("a.jpg ", "photo"),
    ],
)  # fmt: skip
def test_by_name_alone(name, use):
    assert kind_of(name).use == use
    assert is_hidden(name) == (use == "hidden")
    assert kind_of(name, b"\x07\x80 unknown").use == use  # unknown bytes leave it to the name


def test_the_lists_do_not_overlap():
    assert READABLE.isdisjoint(UNREADABLE)
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in (*READABLE, *UNREADABLE))


@pytest.mark.parametrize(
    "head", [b"<!-- -->" * 100, b"P5" + b"\n#" * 400, b" " * 600, b"<?xml>" * 100, b"P1 " + b"1" * 600, b"<!--" * 150]
)
def test_no_head_takes_long(head):
    start = time.monotonic()
    sniff(head)
    assert time.monotonic() - start < 5  # a guard against patterns that try every division, not a measurement
