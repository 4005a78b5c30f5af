"""What is missing from a picture is noticed, in every kind of file; what is whole is not taken for damaged."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import InputError
from tests.helpers.image_files import add_to_jpeg, chunk, encode, grey_tiff, photo, pixels, png

PHOTO = photo()
FILES = {
    "JPEG": encode(PHOTO, "JPEG"),
    "JPEG grey": encode(PHOTO.convert("L"), "JPEG"),
    "JPEG progressive": encode(PHOTO, "JPEG", progressive=True),
    "JPEG optimised": encode(PHOTO, "JPEG", optimize=True),
    "JPEG with restarts": encode(PHOTO, "JPEG", restart_marker_blocks=4),
    "JPEG CMYK": encode(PHOTO.convert("CMYK"), "JPEG"),
    "PNG": encode(PHOTO, "PNG"),
    "PNG palette": encode(PHOTO.quantize(64), "PNG"),
    "GIF": encode(PHOTO.quantize(64), "GIF"),
    "BMP": encode(PHOTO, "BMP"),
    "WebP": encode(PHOTO, "WEBP"),
    "WebP lossless": encode(PHOTO, "WEBP", lossless=True),
    "PPM": encode(PHOTO, "PPM"),
    **{
        f"TIFF {name}": encode(PHOTO, "TIFF", compression=name)
        for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma")
    },
}
STORED = ("BMP", "PPM", "TIFF raw", "TIFF packbits")  # bytes are pixels, so zeros are black ones


def refused(data, *expected, name="p/a.jpg"):
    with pytest.raises(InputError) as caught:
        pixels(data, name=name)
    line = str(caught.value)
    assert line.startswith(f"{name}: ") and "\n" not in line and len(line) < 400
    for text in expected:
        assert text in line
    return line


@pytest.mark.parametrize("kind", FILES)
def test_cut_files(kind):
    data = FILES[kind]
    whole = pixels(data)
    for part in (0.25, 0.5, 0.75, 0.95):
        refused(data[: int(len(data) * part)])
    for lost in (1, 2, 3, 12):  # an end mark alone may be missing, where the pixels are proven whole without it
        with contextlib.suppress(InputError):
            np.testing.assert_array_equal(pixels(data[:-lost]), whole)


# A progressive JPEG has scans that hold a bit for each block, where zeros are as good as any.
@pytest.mark.parametrize("kind", [kind for kind in FILES if kind not in (*STORED, "JPEG progressive")])
def test_zeros_in_the_middle(kind):
    data = FILES[kind]
    for part in (0.4, 0.5, 0.7, 0.85):
        for count in (16, 64, len(data) // 10):
            start = int(len(data) * part)
            damaged = data[:start] + bytes(count) + data[start + count :]
            refused(damaged)


@pytest.mark.parametrize("kind", ["JPEG", "JPEG grey", "JPEG optimised", "JPEG with restarts"])
@pytest.mark.parametrize("part", [0.4, 0.6, 0.8, 0.95])
def test_a_jpeg_that_was_cut_and_closed(kind, part):
    data = FILES[kind]
    refused(data[: int(len(data) * part)] + b"\xff\xd9")


def scans(data):
    return [at for at in range(2, len(data) - 1) if data[at : at + 2] == b"\xff\xda"]


def test_a_progressive_jpeg_needs_all_its_scans():
    data = FILES["JPEG progressive"]
    for place in scans(data)[1:]:
        refused(data[:place])
        refused(data[:place] + b"\xff\xd9", "scans are missing")


def test_jpeg_header_of_a_larger_picture():
    for options in ({}, {"optimize": True}, {"progressive": True}, {"restart_marker_blocks": 2}):
        for image in (photo(40, 40), photo(40, 40).convert("L")):
            data = bytearray(encode(image, "JPEG", **options))
            frame = next(data.index(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in data)
            for side in (8000, 400, 80, 56):
                data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
                if side == 56 and "progressive" in options:
                    continue  # a few blocks more than there are; grey without a word
                refused(bytes(data), "corrupt")


def test_jpeg_header_of_a_smaller_picture():
    data = bytearray(encode(photo(160, 160), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 40, 40)
    refused(bytes(data), "left over")


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (64, 64), 128), Image.new("RGB", (90, 70), (128, 128, 128)), Image.new("L", (200, 200)),
        Image.new("RGB", (600, 600), "white"), Image.new("L", (9, 9), 127), Image.new("CMYK", (64, 64), (127,) * 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}, {"quality": 100}, {"quality": 5}])
def test_flat_pictures_are_whole(image, options):
    data = encode(image, "JPEG", **options)
    np.testing.assert_array_equal(pixels(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    if image.mode == "RGB":
        for lossless in (True, False):
            pixels(encode(image, "WEBP", lossless=lossless))


def test_a_black_border_is_no_loss():
    image = Image.new("RGB", (640, 480))
    image.paste(photo(200, 160), (220, 150))
    for form, options in (
        ("JPEG", {}), ("JPEG", {"optimize": True}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "packbits"}), ("GIF", {}), ("BMP", {}),
    ):  # fmt: skip
        data = encode(image.quantize(64) if form == "GIF" else image, form, **options)
        np.testing.assert_array_equal(pixels(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("options", [{"quality": q, "subsampling": s} for q in (1, 50, 100) for s in (0, 1, 2)])
@pytest.mark.parametrize("size", [(8, 8), (17, 33), (64, 16), (250, 9)])
def test_whole_jpegs_of_all_sizes(options, size):
    for seed in range(3):
        for more in ({}, {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}):
            data = encode(photo(*size, seed=seed), "JPEG", **options, **more)
            np.testing.assert_array_equal(pixels(data), np.asarray(Image.open(io.BytesIO(data))))


def test_jpeg_with_what_follows_it_or_stands_between():
    whole = pixels(FILES["JPEG"])
    data = FILES["JPEG"]
    for more in (b"\0" * 5000, b"trailing", data, b"\xff\xd8\xff\xd9"):
        np.testing.assert_array_equal(pixels(data + more), whole)
    for padding in (b"\0" * 3, b"\0" * 40, b"\xff" * 9):  # cameras fill up the last block of their memory
        np.testing.assert_array_equal(pixels(data[:-2] + padding + data[-2:]), whole)
    np.testing.assert_array_equal(pixels(b"\xff\xd8\xff\xff\xff" + data[3:]), whole)  # fill bytes before a marker
    several = encode(PHOTO, "MPO", save_all=True, append_images=[photo(seed=1)])
    np.testing.assert_array_equal(pixels(several), np.asarray(Image.open(io.BytesIO(several)).convert("RGB")))


def test_jpeg_restart_markers_are_counted():
    data = FILES["JPEG with restarts"]
    start = data.index(b"\xff\xd1")
    refused(data[:start] + data[data.index(b"\xff\xd3") :], "restart markers")


@pytest.mark.parametrize(("marker", "words"), [(0xC3, "lossless"), (0xC9, "arithmetic"), (0xC5, "hierarchical")])
def test_jpegs_of_other_kinds_are_named(marker, words):
    data = FILES["JPEG"].replace(b"\xff\xc0", bytes([0xFF, marker]), 1)
    refused(data, words, "not handled")


def test_jpeg_of_12_bits_is_named():
    data = bytearray(FILES["JPEG"])
    data[data.index(b"\xff\xc0") + 4] = 12
    refused(bytes(data), "12 bits")


def test_png_checksums_and_lengths():
    data = FILES["PNG"]
    spoilt = bytearray(data)
    spoilt[data.index(b"IDAT") + 200] ^= 1
    refused(bytes(spoilt))
    header = bytearray(data)
    header[18] ^= 1
    refused(bytes(header), "checksum of chunk IHDR")
    samples = np.asarray(PHOTO)
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    header = data[8:33]
    for content in (rows[:-1], rows[: -1 - 3 * PHOTO.width], rows[: len(rows) // 2], b""):
        short = data[:8] + header + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")
        refused(short)
    np.testing.assert_array_equal(pixels(data[: data.rindex(b"IEND") - 4]), samples)
    palette = png(np.arange(64).reshape(8, 8, 1) % 4, 8, 3)
    refused(palette, "palette")
    refused(palette[:33] + chunk(b"PLTE", bytes(9)) + palette[33:], "palette")


@pytest.mark.parametrize("kind", ["BMP", "PPM", "TIFF raw", "TIFF packbits"])
def test_whole_rows_that_are_missing(kind):
    for rows in range(1, PHOTO.height, 7):
        refused(FILES[kind][: -3 * PHOTO.width * rows])


def test_gif_pixels_are_counted():
    data = FILES["GIF"]
    start = data.index(b"\x2c\0\0\0\0") + 10
    block = data[start + 2 : start + 2 + data[start + 1]]
    few = data[: start + 1] + bytes([len(block)]) + block + b"\0;"
    refused(few, "pixels, expected")
    first = pixels(encode(PHOTO.quantize(64), "GIF", save_all=True, append_images=[photo(seed=2).quantize(64)])[:-400])
    np.testing.assert_array_equal(first, pixels(data))  # the first frame is whole


def test_tiff_strips_that_are_not_there():
    samples = np.arange(256).reshape(16, 16)
    pixels(grey_tiff(samples))
    refused(grey_tiff(samples, t278=(4, [4])), "strips, expected 4")
    refused(grey_tiff(samples, t279=(4, [100])), "expected 256")
    refused(grey_tiff(samples, t273=(4, [2**31])), "ends inside")
    refused(grey_tiff(samples, t273=None), "0 strips, expected 1")
    np.testing.assert_array_equal(pixels(grey_tiff(samples, t279=None), 1), samples)  # lengths were optional once


@pytest.mark.parametrize(
    ("compression", "words"),
    [(2, "CCITT"), (4, "CCITT"), (6, "old-style JPEG"), (50000, "Zstandard"), (50001, "WebP"), (7777, "7777")],
)
def test_tiff_compressions_that_cannot_be_proven_are_named(compression, words):
    refused(grey_tiff(np.arange(256).reshape(16, 16), t259=(3, [compression])), words, "compressions: none, LZW")


def test_bmp_runs_that_end_early():
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    runs = b"".join(bytes([16, row, 0, 0]) for row in range(16))

    def bmp(content):
        head = struct.pack("<LllHHLLllLL", 40, 16, 16, 1, 8, 1, len(content), 0, 0, 256, 0)
        return b"BM" + struct.pack("<LHHL", 1078 + len(content), 0, 0, 1078) + head + palette + content

    assert pixels(bmp(runs + b"\0\1"), 1)[0, 0] == 15
    for content in (runs[:32] + b"\0\1", runs[:33], b""):
        refused(bmp(content))


def test_a_picture_inside_the_metadata_is_not_the_picture():
    thumbnail = encode(photo(16, 16), "JPEG")
    data = add_to_jpeg(FILES["JPEG"], 0xE1, b"Exif\0\0" + b"MM\0*\0\0\0\x08" + thumbnail)
    np.testing.assert_array_equal(pixels(data), pixels(FILES["JPEG"]))
    refused(data[: len(data) - 500])
