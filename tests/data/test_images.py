"""Every kind of image file becomes the same array, or one line names the image and what is wrong with it."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from pipeline.data.images import decode
from pipeline.errors import InputError

SIDE = 16
RED = (200, 40, 90)
LUMA = (RED[0] * 19595 + RED[1] * 38470 + RED[2] * 7471 + 0x8000) >> 16  # Pillow's ITU-R 601 in 16 bits


def encode(image, form="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def plain(mode="RGB", colour=RED, size=(SIDE, SIDE)):
    return Image.new(mode, size, colour)


def refused(data, *expected, **options):
    options = {"size": 8, "channels": 3, "crop": None, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError) as caught:
            decode(data, "who/who_0001.jpg", **options)
    line = str(caught.value)
    assert "\n" not in line
    for text in ("who/who_0001.jpg", *expected):
        assert text in line


def noise(size, channels=3, seed=0):
    shape = (size[1], size[0]) if channels == 1 else (size[1], size[0], channels)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
def test_shape_type_and_resampling(channels):
    image = noise((40, 30))
    face = decode(encode(image), "x", size=12, channels=channels, crop=(4, 2, 28, 26))
    upright = image.convert("L" if channels == 1 else "RGB")
    expected = upright.crop((4, 2, 28, 26)).resize((12, 12), Image.BICUBIC)
    assert face.shape == (12, 12, channels) and face.dtype == np.uint8 and face.flags.writeable
    np.testing.assert_array_equal(face.squeeze(), np.asarray(expected))


def test_same_size_keeps_the_pixels():
    image = noise((SIDE, SIDE))
    np.testing.assert_array_equal(decode(encode(image), "x", size=SIDE, channels=3), np.asarray(image))


MODES = {
    "RGB": plain(),
    "palette": plain().quantize(4),
    "RGBA opaque": plain("RGBA", (*RED, 255)),
    "TIFF RGBX": plain("RGBX", (*RED, 7)),
    "CMYK": plain("CMYK", tuple(255 - value for value in RED) + (0,)),
}


@pytest.mark.parametrize("mode", MODES)
def test_colour_modes(mode):
    form = "TIFF" if mode in ("CMYK", "TIFF RGBX") else "PNG"
    data = encode(MODES[mode], form)
    assert (decode(data, "x", size=8, channels=3) == RED).all()
    assert (decode(data, "x", size=8, channels=1) == LUMA).all()


@pytest.mark.parametrize(
    ("image", "value"),
    [
        (plain("L", 77), 77),
        (plain("1", 1), 255),
        (plain("LA", (77, 255)), 77),
        (Image.fromarray(np.full((SIDE, SIDE), 77 * 257, np.uint16)), 77),
        (Image.fromarray(np.full((SIDE, SIDE), 65535, np.uint16)), 255),
        (plain("RGBA", (0, 0, 0, 0)), 255),
        (plain("RGBA", (0, 0, 0, 128)), 127),
        (plain("LA", (0, 0)), 255),
    ],
)
def test_grey_modes_and_transparency_over_white(image, value):
    data = encode(image)
    assert (decode(data, "x", size=8, channels=3) == value).all()
    assert (decode(data, "x", size=8, channels=1) == value).all()


def test_transparent_palette_over_white():
    image = plain().quantize(4)
    colour = image.getpixel((0, 0))
    assert (decode(encode(image, transparency=colour), "x", size=8, channels=3) == 255).all()
    assert (decode(encode(image, "GIF", transparency=colour), "x", size=8, channels=3) == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    upright = np.zeros((SIDE, SIDE, 3), np.uint8)
    upright[:8, :8] = (255, 0, 0)
    upright[:8, 8:] = (0, 255, 0)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for form, options, tolerance in (
        ("JPEG", {"quality": 100, "subsampling": 0}, 2),
        ("PNG", {}, 0),
        ("TIFF", {}, 0),
        ("WEBP", {"lossless": True}, 0),
    ):
        data = encode(Image.fromarray(np.ascontiguousarray(stored)), form, exif=exif, **options)
        face = decode(data, "x", size=SIDE, channels=3)
        np.testing.assert_allclose(face.astype(int), upright, atol=tolerance)


def test_crop_is_of_the_upright_image():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(noise((40, 20)), exif=exif)
    assert decode(data, "x", size=8, channels=3, crop=(0, 0, 20, 40)).shape == (8, 8, 3)
    refused(data, "20x40", crop=(0, 0, 40, 20))


@pytest.mark.parametrize("crop", [(-1, 0, 8, 8), (0, 0, SIDE + 1, 8), (0, 0, 8, SIDE + 1), (8, 0, 8, 8), (0, 8, 8, 2)])
def test_crop_outside_the_image(crop):
    refused(encode(plain()), "does not fit", f"{SIDE}x{SIDE}", str(crop), crop=crop)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty file"),
        (b"\0" * 1000, "not an image"),
        (b"<html>not found</html>", "not an image"),
        (b"\xff\xd8\xff\xe0", "image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (encode(plain(size=(7, 100))), "too small"),
        (encode(plain("I", 5), "TIFF"), "mode I "),
        (encode(plain("F", 0.5), "TIFF"), "mode F "),
        (encode(plain("LAB", (1, 2, 3)), "TIFF"), "mode LAB "),
    ],
)
def test_bad_images(data, expected):
    refused(data, expected)


@pytest.mark.parametrize("size", [(9000, 8000), (10_000, 10_000), (50_000, 50_000), (2**31 - 1,) * 2])
def test_huge_images_are_refused_before_they_are_decoded(size):
    def piece(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", checksum)

    header = piece(b"IHDR", struct.pack(">LLBBBBB", *size, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + piece(b"IDAT", zlib.compress(bytes(1000))) + piece(b"IEND", b"")
    refused(data, "too large")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_truncated(form):
    data = encode(noise((64, 64)), form)
    for part in (0.1, 0.5, 0.9):
        refused(data[: int(len(data) * part)], "image")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "WEBP"])
def test_damaged_bytes_give_a_picture_or_one_line(form):
    data = encode(noise((32, 32)), form)
    generator = np.random.default_rng(1)
    for _ in range(200):
        damaged = bytearray(data)
        for position in generator.integers(0, min(len(data), 400), 4):
            damaged[position] = generator.integers(256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert decode(bytes(damaged), "x", size=8, channels=3).shape == (8, 8, 3)
            except InputError as error:
                assert str(error).startswith("x: ")


def test_damaged_png_pixels_are_noticed():
    data = bytearray(encode(noise((64, 64))))
    data[len(data) // 2] ^= 255
    refused(bytes(data), "corrupt")


def test_channels_other_than_1_or_3():
    with pytest.raises(ValueError, match="channels"):
        decode(encode(plain()), "x", size=8, channels=2)
