"""No text, profile or EXIF block makes a good picture bad; an orientation counts where it can be read."""

import io
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from tests.helpers.image_files import (
    add_to_jpeg,
    add_to_png,
    add_to_webp,
    chunk,
    encode,
    exif_entry,
    grey_tiff,
    photo,
    pixels,
)

PHOTO = photo(48, 32)
TURNED = {1: lambda a: a, 3: lambda a: a[::-1, ::-1], 6: lambda a: np.rot90(a, -1), 8: lambda a: np.rot90(a)}

JPEG = encode(PHOTO, "JPEG")
PNG = encode(PHOTO, "PNG")
WEBP = encode(PHOTO, "WEBP", lossless=True)
GREY = np.asarray(PHOTO.convert("L"))


def with_exif(form, block):
    if form == "JPEG":
        return add_to_jpeg(JPEG, 0xE1, block)
    if form == "PNG":
        return add_to_png(PNG, chunk(b"eXIf", block.removeprefix(b"Exif\0\0")))
    return add_to_webp(WEBP, b"EXIF", block)


WHOLE = {"JPEG": pixels(JPEG), "PNG": pixels(PNG), "WEBP": pixels(WEBP)}
II = b"Exif\0\0II*\0"
BAD_EXIF = {
    "empty": b"Exif\0\0",
    "text": b"Exif\0\0this is no directory",
    "half a header": b"Exif\0\0II*",
    "directory far away": II + struct.pack("<L", 2**31),
    "directory in its own header": II + struct.pack("<L", 0),
    "directory that leads to itself": II + struct.pack("<LH", 8, 0) + struct.pack("<L", 8),
    "more entries than there are": II + struct.pack("<LH", 8, 65535) + b"\x12\x01\x03\0",
    "huge count": exif_entry(3, 2**32 - 1, struct.pack("<L", 8)),
    "unknown type": exif_entry(77, 1, struct.pack("<L", 6)),
    "offset nowhere": exif_entry(5, 1, struct.pack("<L", 2**31)),
    "directory of EXIF at itself": II + struct.pack("<LHHHLLL", 8, 1, 0x8769, 4, 1, 8, 0),
    "orientation 0": exif_entry(3, 1, b"\0\0\0\0"),
    "orientation 9": exif_entry(3, 1, b"\x09\0\0\0"),
    "orientation in letters": exif_entry(2, 2, b"6\0\0\0"),
    "two orientations": exif_entry(3, 2, b"\6\0\6\0"),
    "negative orientation": exif_entry(9, 1, struct.pack("<l", -6)),
}


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("form", WHOLE)
@pytest.mark.parametrize("block", BAD_EXIF)
def test_malformed_exif(form, block):
    np.testing.assert_array_equal(pixels(with_exif(form, BAD_EXIF[block])), WHOLE[form])


@pytest.mark.parametrize("form", WHOLE)
@pytest.mark.parametrize("turn", TURNED)
def test_orientation_of_any_whole_number_type(form, turn):
    for kind, order, layout in ((3, "<", "<HH"), (3, ">", ">HH"), (4, "<", "<L"), (4, ">", ">L"), (1, "<", "<B3x")):
        value = struct.pack(layout, turn, 0) if layout.endswith("HH") else struct.pack(layout, turn)
        decoded = pixels(with_exif(form, exif_entry(kind, 1, value, order)))
        np.testing.assert_array_equal(decoded, TURNED[turn](WHOLE[form]))


@pytest.mark.parametrize("turn", TURNED)
def test_orientation_in_xmp_counts_where_exif_has_none(turn):
    for text in (b'<x tiff:Orientation="%d"/>' % turn, b"<tiff:Orientation>%d</tiff:Orientation>" % turn):
        jpeg = add_to_jpeg(JPEG, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + text)
        np.testing.assert_array_equal(pixels(jpeg), TURNED[turn](WHOLE["JPEG"]))
        for packed in (b"\0\0\0\0" + text, b"\1\0\0\0" + zlib.compress(text)):
            png = add_to_png(PNG, chunk(b"iTXt", b"XML:com.adobe.xmp\0" + packed))
            np.testing.assert_array_equal(pixels(png), TURNED[turn](WHOLE["PNG"]))
        np.testing.assert_array_equal(pixels(add_to_webp(WEBP, b"XMP ", text)), TURNED[turn](WHOLE["WEBP"]))
        tiff = grey_tiff(GREY, t700=(1, list(text)))
        np.testing.assert_array_equal(pixels(tiff, 1), TURNED[turn](GREY))
    both = add_to_jpeg(jpeg, 0xE1, exif_entry(3, 1, b"\x01\0\0\0"))
    np.testing.assert_array_equal(pixels(both), WHOLE["JPEG"])


def test_orientation_in_the_text_that_imagemagick_writes():
    block = exif_entry(3, 1, b"\6\0\0\0")
    text = b"\nexif\n%8d\n%s\n" % (len(block), block.hex().encode())
    for part in (chunk(b"tEXt", b"Raw profile type exif\0" + text),
                 chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))):  # fmt: skip
        np.testing.assert_array_equal(pixels(add_to_png(PNG, part)), TURNED[6](WHOLE["PNG"]))
    nonsense = chunk(b"tEXt", b"Raw profile type exif\0\nexif\n3\nzzz")
    np.testing.assert_array_equal(pixels(add_to_png(PNG, nonsense)), WHOLE["PNG"])


BOMB = zlib.compress(bytes(100 * 2**20), 9)  # 100 kB that unpack to 100 MiB
PNG_CHUNKS = {
    "long text": chunk(b"tEXt", b"Comment\0" + b"x" * (3 * 2**20)),
    "text bomb": chunk(b"zTXt", b"Comment\0\0" + BOMB),
    "international text bomb": chunk(b"iTXt", b"Comment\0\1\0\0\0" + BOMB),
    "XMP bomb": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB),
    "EXIF text bomb": chunk(b"zTXt", b"Raw profile type exif\0\0" + BOMB),
    "profile bomb": chunk(b"iCCP", b"icc\0\0" + BOMB),
    "profile that is none": chunk(b"iCCP", b"icc\0\0garbage"),
    "profile of an unknown method": chunk(b"iCCP", b"icc\0\7garbage"),
    "empty profile": chunk(b"iCCP", b""),
    "unknown text method": chunk(b"zTXt", b"a\0\7b"),
    "text without an end": chunk(b"tEXt", b"\xff\xfe"),
    "short gamma": chunk(b"gAMA", b"\0"),
    "short primaries": chunk(b"cHRM", b"\0"),
    "short resolution": chunk(b"pHYs", b"\0"),
    "rendering intent of no bytes": chunk(b"sRGB", b""),
    "animation of no length": chunk(b"acTL", b""),
    "frame outside": chunk(b"acTL", struct.pack(">LL", 2, 0)) + chunk(b"fcTL", bytes(4) + b"\xff" * 22),
    "key of the wrong length": chunk(b"tRNS", b"\0"),
    "wrong checksum of a text": chunk(b"tEXt", b"Comment\0x")[:-1] + b"\0",
}


@pytest.mark.parametrize("name", PNG_CHUNKS)
def test_png_chunks_beside_the_pixels(name):
    if name == "key of the wrong length":
        data = add_to_png(PNG, PNG_CHUNKS[name])
    else:
        data = add_to_png(PNG, PNG_CHUNKS[name], *[PNG_CHUNKS[name]] * (30 if "bomb" in name else 0))
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, PngImagePlugin.MAX_TEXT_CHUNK
    tracemalloc.start()
    np.testing.assert_array_equal(pixels(data), WHOLE["PNG"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * len(data) + 8 * 2**20
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, PngImagePlugin.MAX_TEXT_CHUNK)


def test_chunks_after_the_pixels_that_are_cut():
    data = PNG[:-12] + chunk(b"tEXt", b"Comment\0" + b"x" * 500)[:-100]
    np.testing.assert_array_equal(pixels(data), WHOLE["PNG"])


def test_an_animated_png_is_its_first_picture():
    frames = [PHOTO, photo(48, 32, seed=5)]
    data = encode(PHOTO, "PNG", save_all=True, append_images=frames[1:], duration=100)
    np.testing.assert_array_equal(pixels(data), WHOLE["PNG"])
    np.testing.assert_array_equal(pixels(data.replace(b"fcTL", b"fcXX")), WHOLE["PNG"])


JPEG_SEGMENTS = {
    "profile in pieces that are not there": (0xE2, b"ICC_PROFILE\0\2\7garbage"),
    "profile of no length": (0xE2, b"ICC_PROFILE\0"),
    "pictures that are not there": (0xE2, b"MPF\0II*\0" + struct.pack("<LHHHLL", 8, 1, 0xB001, 4, 1, 7)),
    "pictures without an index": (0xE2, b"MPF\0nonsense"),
    "Photoshop": (0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\xff\xff\xff\xff"),
    "XMP": (0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<x"),
    "comment": (0xFE, b"\xff\xd9\xff\xda\xff\xff"),
    "FlashPix": (0xE2, b"FPXR\0"),
    "short JFIF": (0xE0, b"JFIF"),
    "odd resolution": (0xE1, II + struct.pack("<LHHHLL", 8, 1, 0x011A, 5, 1, 2**30)),
}


@pytest.mark.parametrize("name", JPEG_SEGMENTS)
def test_jpeg_segments_beside_the_pixels(name):
    marker, content = JPEG_SEGMENTS[name]
    np.testing.assert_array_equal(pixels(add_to_jpeg(JPEG, marker, content)), WHOLE["JPEG"])


def test_webp_chunks_beside_the_pixels():
    for kind, content in ((b"ICCP", b"garbage"), (b"XMP ", b"\xff" * 2000), (b"EXIF", b"x")):
        data = add_to_webp(WEBP, kind, content)
        np.testing.assert_array_equal(pixels(data), WHOLE["WEBP"])
    np.testing.assert_array_equal(pixels(data[:-1]), WHOLE["WEBP"])  # cut in the metadata, after the pixels


TIFF_TAGS = {
    "text as resolution": {"t282": (2, list(b"three hundred\0")), "t283": (2, list(b"x\0")), "t296": (3, [2])},
    "huge resolution": {"t282": (5, [0, 0]), "t296": (3, [7])},
    "EXIF at itself": {"t34665": (4, [8])},
    "EXIF far away": {"t34665": (4, [2**31])},
    "GPS at itself": {"t34853": (4, [8])},
    "profile of numbers": {"t34675": (4, [1, 2, 3])},
    "XMP of numbers": {"t700": (4, [7, 8])},
    "orientation of two": {"t274": (3, [6, 6])},
    "orientation 9": {"t274": (3, [9])},
    "orientation in letters": {"t274": (2, list(b"6\0"))},
    "software of numbers": {"t305": (4, [1, 2])},
    "many private tags": {f"t{number}": (4, [number]) for number in range(40000, 40500)},
}


@pytest.mark.parametrize("name", TIFF_TAGS)
def test_tiff_tags_beside_the_pixels(name):
    np.testing.assert_array_equal(pixels(grey_tiff(GREY, **TIFF_TAGS[name]), 1), GREY)


@pytest.mark.parametrize("turn", range(1, 9))
def test_tiff_orientation(turn):
    steps = {1: GREY, 2: GREY[:, ::-1], 3: GREY[::-1, ::-1], 4: GREY[::-1], 5: GREY.T, 6: np.rot90(GREY, -1),
             7: np.rot90(GREY, 2).T, 8: np.rot90(GREY)}  # fmt: skip
    for order in "<>":
        data = grey_tiff(GREY, t274=(3, [turn]), order=order)
        np.testing.assert_array_equal(pixels(data, 1), steps[turn])


@pytest.mark.parametrize("transform", [0, 2])
def test_cmyk_as_adobe_stores_it(transform):
    colours = Image.new("CMYK", (32, 32), (20, 150, 60, 40))
    data = encode(colours, "JPEG", quality=100)
    marker = data.index(b"\xff\xee")
    decoded = pixels(data[: marker + 15] + bytes([transform]) + data[marker + 16 :])
    with Image.open(io.BytesIO(data[: marker + 15] + bytes([transform]) + data[marker + 16 :])) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(decoded, expected)
    if transform == 0:  # stored as CMYK, inverted
        red, green, blue = ((255 - ink) * (255 - 40) / 255 for ink in (20, 150, 60))
        np.testing.assert_allclose(decoded[0, 0], (red, green, blue), atol=4)


def test_the_suffix_does_not_matter():
    for name in ("a.png", "a.heic", "a", "a.txt"):
        np.testing.assert_array_equal(pixels(JPEG, name=name), WHOLE["JPEG"])
