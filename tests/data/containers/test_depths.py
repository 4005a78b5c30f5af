"""Every number of bits and every kind of transparency, against whole-number arithmetic done here."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from tifffile import imwrite

from pipeline.data import images
from pipeline.data.containers import png as containers_png
from pipeline.errors import InputError
from tests.helpers.image_files import chunk, encode, grey_tiff, pixels, png, tiff

HEIGHT, WIDTH = 11, 13
GENERATOR = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def samples(maximum, channels=None):
    shape = (HEIGHT, WIDTH) if channels is None else (HEIGHT, WIDTH, channels)
    return GENERATOR.integers(0, maximum + 1, shape)


def nearest(values, whole):
    """round(255 * values / whole), halves up, in whole numbers of any size."""
    values = np.asarray(values, object)
    return ((2 * 255 * values + whole) // (2 * whole)).astype(np.uint8)


def over_white(colours, alpha, maximum):
    """The nearest of 256 levels of colours (H, W, n) that alpha (H, W, 1) lays over white."""
    colours, alpha = colours.astype(object), alpha.astype(object)
    return nearest(colours * alpha + maximum * (maximum - alpha), maximum**2)


def refused(data, *expected, name="a.tif"):
    with pytest.raises(InputError) as caught:
        pixels(data, name=name)
    for text in (name, *expected):
        assert text in str(caught.value)


@pytest.mark.parametrize("maximum", [65535, 4095, 1023, 300, 256, 255, 254, 100, 15, 1])
def test_portable_maps_of_any_maximum(maximum):
    kind = ">u2" if maximum > 255 else "u1"
    grey, colour = samples(maximum), samples(maximum, 3)
    head = b"\n# made by a scanner\n%d\t%d # size\n%d\n" % (WIDTH, HEIGHT, maximum)
    for mark, plain, values in ((b"P5", b"P2", grey), (b"P6", b"P3", colour)):
        channels = 1 if values.ndim == 2 else 3
        expected = nearest(values, maximum)
        np.testing.assert_array_equal(pixels(mark + head + values.astype(kind).tobytes(), channels), expected)
        for gap in (b" ", b"\r\n", b"\n# row\n"):
            text = gap.join(b"%d" % value for value in values.ravel())
            np.testing.assert_array_equal(pixels(plain + head + text, channels), expected)
    assert pixels(b"P5" + head + np.full((HEIGHT, WIDTH), maximum, kind).tobytes(), 1).min() == 255


def test_bitmaps():
    bits = samples(1)
    head = b" %d %d\n" % (WIDTH, HEIGHT)
    expected = ((1 - bits) * 255).astype(np.uint8)  # 1 is black
    packed = np.packbits(bits.astype(np.uint8), axis=1).tobytes()
    np.testing.assert_array_equal(pixels(b"P4" + head + packed, 1), expected)
    for gap in (b"", b" ", b"\n"):
        text = gap.join(b"%d" % bit for bit in bits.ravel())
        np.testing.assert_array_equal(pixels(b"P1" + head + text, 1), expected)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"P5 12 12 255\n" + bytes(143), "143 bytes of pixels, expected 144"),
        (b"P6 12 12 65535\n" + bytes(863), "863 bytes"),
        (b"P2 12 12 255\n" + b"1 " * 143, "143 samples, expected 144"),
        (b"P2 12 12 9\n" + b"10 " * 144, "sample of 10"),
        (b"P5 12 12 9\n" + b"\x0a" * 144, "sample of 10"),
        (b"P2 12 12 255\n" + b"-1 " * 144, "numbers"),
        (b"P2 12 12 255\n" + b"99999999999999999999 " * 144, "ten digits"),
        (b"P1 12 12\n" + b"2" * 144, "bit of 2"),
        (b"P5 12 12 0\n" + bytes(144), "maximum of 0"),
        (b"P5 12 12 65536\n" + bytes(288), "maximum of 65536"),
        (b"P5 99999 99999 255\n", "too large"),
        (b"P5 4 4 255\n" + bytes(16), "too small"),
        (b"Pf\n12 12\n-1.0\n" + bytes(576), "floating-point"),
        (b"P7\nWIDTH 12\n", "PAM"),
    ],
)
def test_portable_maps_that_are_refused(data, words):
    refused(data, words, name="a.pgm")


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("colours", [0, 2, 4, 6])
def test_png_of_16_bits(colours, interlaced):
    values = samples(65535, {0: 1, 2: 3, 4: 2, 6: 4}[colours])
    data = png(values, 16, colours)
    if interlaced:
        data = interlace(values, colours)
    alpha = colours in (4, 6)
    expected = over_white(values[..., :-1], values[..., -1:], 65535) if alpha else nearest(values, 65535)
    channels = expected.shape[2]
    np.testing.assert_array_equal(pixels(data, channels).reshape(expected.shape), expected)


@pytest.mark.parametrize("interlaced", [0, 1])
def test_png_of_16_bits_with_every_filter_in_bands(monkeypatch, interlaced):
    """Filtered here, row by row, after the specification; bands of two rows and less."""
    monkeypatch.setattr(containers_png, "BAND", 2 * WIDTH)
    values = samples(65535, 3)
    parts = [values[down, across] for across, down in ADAM7] if interlaced else [values]
    content = b""
    for part in parts:
        before = np.zeros(part.shape[1] * 6, int)
        for number, row in enumerate(part.astype(">u2").reshape(len(part), -1).view(np.uint8).astype(int)):
            left, corner = (np.concatenate((np.zeros(6, int), line[:-6])) for line in (row, before))
            guess = left + before - corner
            errors = np.abs(np.stack((left, before, corner)) - guess)
            paeth = np.choose(errors.argmin(axis=0), (left, before, corner))
            kind = number % 5
            predicted = (0 * row, left, before, (left + before) // 2, paeth)[kind]
            content += bytes([kind]) + ((row - predicted) % 256).astype(np.uint8).tobytes()
            before = row
    header = struct.pack(">LLBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, interlaced)
    pieces = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(pixels(b"\x89PNG\r\n\x1a\n" + pieces), nearest(values, 65535))


ADAM7 = [
    (slice(left, None, across), slice(top, None, down))
    for left, top, across, down in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
    )
]  # fmt: skip


def interlace(values, colours):
    rows = b""
    for across, down in ADAM7:
        for row in values[down, across]:
            rows += b"\0" + row.astype(">u2").tobytes()
    header = struct.pack(">LLBBBBB", WIDTH, HEIGHT, 16, colours, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_png_grey_with_a_colour_that_is_transparent(depth):
    maximum = 2**depth - 1
    values = samples(maximum, 1)
    key = int(values[3, 4, 0])
    data = png(values, depth, 0, chunk(b"tRNS", struct.pack(">H", key)))
    expected = np.where(values == key, np.uint8(255), nearest(values, maximum))[..., 0]
    np.testing.assert_array_equal(pixels(data, 1), expected)
    np.testing.assert_array_equal(pixels(data, 3), np.repeat(expected[..., None], 3, axis=2))


@pytest.mark.parametrize("depth", [8, 16])
def test_png_rgb_with_a_colour_that_is_transparent(depth):
    maximum = 2**depth - 1
    values = samples(maximum, 3)
    values[5] = values[2, 2]
    near = values[2, 2].copy()
    near[0] = (near[0] + 1) % (maximum + 1)  # in 16 bits alike in its upper half
    values[6] = near
    key = [int(value) for value in values[2, 2]]
    data = png(values, depth, 2, chunk(b"tRNS", struct.pack(">3H", *key)))
    hidden = (values == key).all(axis=2, keepdims=True)
    np.testing.assert_array_equal(pixels(data), np.where(hidden, np.uint8(255), nearest(values, maximum)))
    assert hidden.sum() >= WIDTH


def test_png_palette_with_partial_alpha():
    palette = GENERATOR.integers(0, 256, (8, 3))
    alpha = np.array([0, 40, 128, 255, 7], np.uint8)  # the last three are opaque
    values = samples(7, 1)
    data = png(values, 8, 3, chunk(b"PLTE", palette.astype(np.uint8).tobytes()) + chunk(b"tRNS", alpha.tobytes()))
    cover = np.concatenate((alpha, [255] * 3)).astype(int)[values]
    expected = over_white(palette[values[..., 0]], cover, 255)
    np.testing.assert_allclose(pixels(data).astype(int), expected, atol=1)
    assert (pixels(data)[values[..., 0] == 0] == 255).all()
    flat = png(values, 8, 3, chunk(b"PLTE", palette.astype(np.uint8).tobytes()) + chunk(b"tRNS", b"\0"))
    assert (pixels(flat)[values[..., 0] == 0] == 255).all()


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA", "La", "RGBa"])
def test_alpha_in_8_bits(form, mode):
    values = samples(255, 4).astype(np.uint8)
    values[:4, :, 3] = 0
    image = Image.fromarray(values)
    if mode in ("La", "RGBa"):
        if form != "TIFF":
            pytest.skip("only TIFF stores colours that are multiplied by alpha")
        channels, photometric = (1, 1) if mode == "La" else (3, 2)
        stored = values[..., [0, 3]] if mode == "La" else values
        colours = stored[..., :-1].astype(int) * stored[..., -1:] // 255
        content = np.concatenate((colours, stored[..., -1:]), axis=2).astype(np.uint8)
        data = multi_tiff(content, 8, photometric, extra=1)
        expected = colours + 255 - stored[..., -1:].astype(int)
        decoded = pixels(data, channels).reshape(expected.shape)
        np.testing.assert_allclose(decoded.astype(int), expected, atol=2)
    else:
        image = image.convert(mode)
        if form == "PNG" and mode == "PA":
            pytest.skip("PNG has no palette with alpha for each pixel")
        data = encode(image, form, **({"lossless": True, "exact": True} if form == "WEBP" else {}))
        rgba = np.asarray(image.convert("RGBA")).astype(int)
        expected = over_white(rgba[..., :3], rgba[..., 3:], 255)
        decoded = pixels(data)
        np.testing.assert_allclose(decoded.astype(int), expected, atol=1)
    assert (decoded[:4] == 255).all()


def test_gif_transparency_also_where_the_mode_fits():
    values = np.tile(np.arange(WIDTH, dtype=np.uint8) * 19, (HEIGHT, 1))
    data = encode(Image.fromarray(values), "GIF", transparency=int(values[0, 5]))
    decoded = pixels(data, 1)
    assert (decoded[:, 5] == 255).all() and (decoded[:, 4] == values[:, 4]).all()


def multi_tiff(values, depth, photometric, order="<", extra=None, predictor=None, tile=None, **tags):
    """TIFF of samples (H, W, n), in strips of five rows; ``tags`` add to or replace its tags."""
    height, width, count = values.shape
    kind = {8: "u1", 16: order + "u2"}[depth]
    rows = 5
    result = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [depth] * count), 259: (3, [1]), 262: (3, [photometric]),
        277: (3, [count]), 278: (4, [rows]),
    }  # fmt: skip
    lengths = [min(rows, height - top) * width * count * depth // 8 for top in range(0, height, rows)]
    result[279] = (4, lengths)
    if extra is not None:
        result[338] = (3, [extra])
    result.update({int(name[1:]): value for name, value in tags.items()})
    # The strips' places follow from the length of the directory, which their number alone decides.
    result[273] = (4, [0] * len(lengths))
    content = values.astype(kind).tobytes()
    start = len(tiff(result, b"", order))
    result[273] = (4, [start + sum(lengths[:number]) for number in range(len(lengths))])
    return tiff(result, content, order)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("photometric", "count", "extra"),
    [(1, 1, None), (0, 1, None), (2, 3, None), (2, 4, 2), (2, 4, 1), (2, 4, 0), (1, 2, 2)],
)
def test_tiff_of_16_bits(order, photometric, count, extra):
    values = samples(65535, count)
    if extra == 1:
        values[..., :-1] = np.minimum(values[..., :-1], values[..., -1:])
    colours, alpha = (values, None) if extra is None else (values[..., :-1], values[..., -1:])
    if photometric == 0:
        colours = 65535 - colours
    expected = nearest(colours, 65535)
    if extra == 2:
        expected = over_white(colours, alpha, 65535)
    if extra == 1:
        expected = nearest(colours + 65535 - alpha, 65535)
    data = multi_tiff(values, 16, photometric, order, extra)
    np.testing.assert_array_equal(pixels(data, expected.shape[2]).reshape(expected.shape), expected)


def test_tiff_of_16_bits_with_differences():
    values = samples(65535, 3)
    for options in ({"tile": (16, 16)}, {"rowsperstrip": 4}, {"planarconfig": "separate", "rowsperstrip": 4}):
        for order in "<>":
            for big in (False, True):
                buffer = io.BytesIO()
                stored = np.moveaxis(values, 2, 0) if "planarconfig" in options else values
                imwrite(
                    buffer, np.ascontiguousarray(stored, np.uint16), photometric="rgb", compression="zlib",
                    predictor=True, byteorder=order, bigtiff=big, **options,
                )  # fmt: skip
                np.testing.assert_array_equal(pixels(buffer.getvalue()), nearest(values, 65535))


def test_tiff_of_12_bits():
    values = samples(4095)
    high, low = values[:, 0::2], np.pad(values, ((0, 0), (0, 1)))[:, 1::2]
    packed = np.stack((high >> 4, (high & 15) << 4 | low >> 8, low & 255), axis=2).astype(np.uint8)
    content = packed.reshape(HEIGHT, -1)[:, : -(-WIDTH * 12 // 8)].tobytes()
    tags = {
        256: (4, [WIDTH]), 257: (4, [HEIGHT]), 258: (3, [12]), 259: (3, [1]), 262: (3, [1]), 273: (4, [None]),
        277: (3, [1]), 278: (4, [HEIGHT]), 279: (4, [len(content)]),
    }  # fmt: skip
    np.testing.assert_array_equal(pixels(tiff(tags, content), 1), nearest(values, 4095))


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("photometric", [0, 1])
def test_tiff_of_few_bits(depth, photometric):
    maximum = 2**depth - 1
    values = samples(maximum)
    bits = np.unpackbits(values.astype(np.uint8)[..., None], axis=2)[..., 8 - depth :].reshape(HEIGHT, -1)
    content = np.packbits(bits, axis=1).tobytes()
    tags = {
        256: (4, [WIDTH]), 257: (4, [HEIGHT]), 258: (3, [depth]), 259: (3, [1]), 262: (3, [photometric]),
        273: (4, [None]), 277: (3, [1]), 278: (4, [HEIGHT]), 279: (4, [len(content)]),
    }  # fmt: skip
    expected = nearest(values if photometric else maximum - values, maximum)
    np.testing.assert_array_equal(pixels(tiff(tags, content), 1), expected)


GREY = np.arange(256).reshape(16, 16)
KINDS = {
    "signed 8 bits": (grey_tiff(GREY, t339=(3, [2])), "signed"),
    "signed 16 bits": (grey_tiff(GREY, 16, t339=(3, [2])), "signed"),
    "32 bits": (grey_tiff(GREY, 32), "32 bits"),
    "float": (grey_tiff(GREY, 32, t339=(3, [3])), "floating-point"),
    "complex": (grey_tiff(GREY, 32, t339=(3, [6])), "complex"),
    "CIELAB": (multi_tiff(samples(255, 3), 8, 8), "CIELAB"),
    "raw of a camera": (grey_tiff(GREY, t262=(3, [32803])), "raw data"),
    "DNG": (grey_tiff(GREY, t50706=(1, [1, 4, 0, 0])), "raw data"),
    "a preview": (grey_tiff(GREY, t254=(4, [1]), t330=(4, [8])), "preview"),
    "bits of several kinds": (multi_tiff(samples(255, 3), 8, 2, t258=(3, [8, 8, 4])), "4 and 8 bits"),
    "CMYK of 16 bits": (multi_tiff(samples(65535, 4), 16, 5), "16 bits"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_tiff_that_are_named(kind):
    data, words = KINDS[kind]
    refused(data, words, "is not handled (expected 8-bit grey")


def test_what_a_file_seems_to_be():
    for data, words in (
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC image"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html><title>404</title>", "HTML page"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X        ", "AppleDouble"),
        (b"%PDF-1.4\n", "PDF document"),
        (bytes(4096), "run of zero bytes"),
        (b"", "an empty file"),
        (b"\x07\x80\x03", "not an image"),
    ):
        refused(data, words, "expected", name="p/a.jpg")
    refused(encode(Image.new("RGB", (16, 16)), "TIFF"), "raw image of a camera", name="p/a.NEF")


BOMBS = {
    "PNG": png(samples(1, 1), 8, 0)[:16] + struct.pack(">LL", 60_000, 60_000),
    "GIF canvas": encode(Image.new("P", (16, 16)), "GIF")[:6] + struct.pack("<HH", 65535, 65535),
    "BMP": encode(Image.new("L", (16, 16)), "BMP")[:18] + struct.pack("<ll", 60_000, -60_000),
    "WebP": b"RIFF\x30\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x7f\0" * 2,
    "PPM": b"P6 60000 60000 255\n",
    "JPEG": b"",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_sizes_are_checked_before_anything_is_decoded(kind):
    head = BOMBS[kind]
    if kind == "JPEG":
        data = bytearray(encode(Image.new("L", (16, 16)), "JPEG"))
        place = data.index(b"\xff\xc0")
        data[place + 5 : place + 9] = struct.pack(">HH", 60_000, 60_000)
        head = bytes(data)
    else:
        whole = {
            "PNG": png(samples(1, 1), 8, 0), "GIF canvas": encode(Image.new("P", (16, 16)), "GIF"),
            "BMP": encode(Image.new("L", (16, 16)), "BMP"),
        }.get(kind, head)  # fmt: skip
        head = head + whole[len(head) :]
        if kind == "PNG":
            head = head[:8] + chunk(b"IHDR", head[16:29]) + head[33:]
        if kind == "WebP":
            head += b"VP8L\x10\0\0\0\x2f" + bytes(15)
    refused(head, "too large", name="a.jpg")


def test_tiff_sizes_and_tables_that_are_huge():
    refused(grey_tiff(GREY, t256=(4, [60_000]), t257=(4, [60_000])), "too large")
    refused(grey_tiff(GREY, t322=(4, [2**30]), t323=(4, [2**30]), t324=(4, [8]), t325=(4, [256])), "pieces of")
    many = bytearray(grey_tiff(GREY))
    many[8:10] = struct.pack("<H", 65535)
    refused(bytes(many), "directory")
    refused(grey_tiff(GREY, t277=(3, [60_000])), "samples per pixel")
    entry = bytearray(grey_tiff(GREY))
    place = entry.index(struct.pack("<HHL", 279, 4, 1))
    entry[place + 4 : place + 8] = struct.pack("<L", 2**31)
    refused(bytes(entry), "tag 279")


def test_headers_that_ask_for_endless_work():
    tall = {256: (4, [8]), 257: (4, [2**20]), 322: (4, [16384]), 323: (4, [16]), 324: (4, [None]), 325: (4, [9])}
    refused(grey_tiff(GREY, **{f"t{tag}": value for tag, value in tall.items()}), "pieces of 16384x16")
    image = Image.fromarray(GREY.astype(np.uint8))
    data = encode(image, "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    refused(data[:last] + data[last:-2] * 200 + data[-2:], "scans, expected at most")
    strip = zlib.compress(bytes(2**22))
    bomb = grey_tiff(GREY, t259=(3, [8]), t279=(4, [len(strip)]))
    refused(bomb[:-256] + strip, "bytes of pixels, expected 256")


def test_large_pictures_are_converted_in_bands():
    """More pixels than are converted at once, with every kind of conversion."""
    side = 520
    assert side * side > images.BAND
    values = GENERATOR.integers(0, 256, (side, side, 4), dtype=np.uint8)
    image = Image.fromarray(values)
    expected = over_white(values[..., :3], values[..., 3:], 255)
    np.testing.assert_allclose(pixels(encode(image, "PNG")).astype(int), expected, atol=1)
    cmyk = image.convert("RGB").convert("CMYK")
    np.testing.assert_array_equal(pixels(encode(cmyk, "TIFF")), np.asarray(cmyk.convert("RGB")))
    np.testing.assert_array_equal(
        pixels(encode(image.convert("RGB"), "BMP"), 1), np.asarray(image.convert("RGB").convert("L"))
    )
