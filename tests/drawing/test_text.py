import logging

import numpy as np
import pytest

from sav.drawing import fonts, text
from sav.drawing.fonts import FontFile, font_with
from sav.drawing.text import ink, on_one_line, shortened

ALPHABETS = {
    "Latin": ("ß", "é"),
    "Cyrillic": ("ж", "ф"),
    "Greek": ("α", "β"),
    "Chinese": ("行", "人"),
    "Japanese": ("カ", "タ"),
    "Korean": ("한", "국"),
    "Arabic": ("س", "م"),
    "Hebrew": ("ש", "ל"),
    "Hindi": ("क", "म"),
    "Thai": ("ก", "ผ"),
    "Tamil": ("க", "ம"),
    "Georgian": ("ქ", "ა"),
    "emoji": ("🐕", "🚌"),
}


@pytest.fixture
def other_fonts(monkeypatch, tmp_path):
    """DejaVu Sans and the fonts in a folder are all the fonts that there are."""
    dejavu = next(font for font in fonts._packaged() if font.path.stem == "DejaVuSans-Bold")
    monkeypatch.setattr(fonts, "_packaged", lambda: iter([dejavu]))
    monkeypatch.setattr(fonts, "_system_folders", lambda: [tmp_path / "fonts"])
    caches = (
        font_with,
        fonts.main_font,
        fonts._fonts,
        fonts._tell_missing,
        fonts.can_shape,
        ink,
        on_one_line,
    )

    def forget():
        for cache in (*caches, shortened):
            cache.cache_clear()

    forget()
    yield tmp_path / "fonts"
    forget()


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_letters_of_any_alphabet_are_letters_not_boxes(alphabet):
    first, second = ALPHABETS[alphabet]
    assert on_one_line(first + second) == first + second
    assert font_with(first) is not None
    drawn = [ink(letter, 30) for letter in (first, second)]
    assert all(letter.max() > 200 for letter in drawn)
    assert drawn[0].shape != drawn[1].shape or (drawn[0] != drawn[1]).any()


def test_all_lines_of_a_size_are_equally_high_and_letters_that_are_higher_fit_in():
    high = ["person", "行人", "កុំព្យូទ័រ", "ที่นั่ง", "मैं", "e" + "\u0301" * 30, ""]
    assert len({ink(line, 20).shape[0] for line in high}) == 1


def test_hebrew_runs_from_right_to_left_and_its_words_too():
    aleph, bet = ink("א", 30), ink("ב", 30)
    both = ink("אב", 30)
    assert (both[:, -aleph.shape[1] :] > 128).sum() == pytest.approx((aleph > 128).sum(), rel=0.1)
    words = ink("אאאא ב", 30)
    assert words[:, : bet.shape[1]].max() > 0
    assert (words[:, : bet.shape[1]] > 128).sum() == pytest.approx((bet > 128).sum(), rel=0.2)


def test_arabic_letters_are_joined():
    if not fonts.can_shape():
        pytest.skip("FriBiDi is not installed")
    joined, apart = ink("بب", 40), ink("ب", 40)
    assert joined.shape[1] < 2 * apart.shape[1]


def test_words_in_latin_letters_around_arabic_stay_where_they_are():
    mixed, latin = ink("car سيارة إسعاف bus", 30), ink("car ", 30)
    assert (mixed[:, : latin.shape[1]] == latin).mean() > 0.99


def test_the_language_chooses_among_chinese_ideographs():
    cjk = font_with("骨")
    if cjk is None or not cjk.path.name.startswith("NotoSansCJK"):
        pytest.skip("Noto Sans CJK is not installed")
    chosen = [fonts.in_language_of(name, cjk).index for name in ("骨ほね", "骨 뼈", "骨头")]
    assert len(set(chosen)) == 3
    assert fonts.in_language_of("骨", FontFile(cjk.path.with_name("Other.ttf"))).index == 0


def test_line_breaks_control_characters_and_direction_marks_are_not_written():
    assert on_one_line("a\r\nb\x00\tc\u2028d\u202ee\u200b") == "a b c de"
    assert on_one_line("\ud800") == "\ufffd"
    assert on_one_line(" \n ") == ""


def test_a_long_name_is_shortened_with_an_ellipsis_to_what_fits():
    name = on_one_line("x" * 300)
    short = shortened(name, 200, 20)
    assert short.endswith("…")
    assert 150 < ink(short, 20).shape[1] <= 200
    assert shortened("person", 200, 20) == "person"
    assert shortened("person", 0, 20) == "…"
    assert len(on_one_line("x" * 10**6)) < 300


def test_what_no_font_has_is_written_as_its_code_point_and_one_line_is_logged(other_fonts, caplog):
    with caplog.at_level(logging.WARNING):
        assert on_one_line("行 bus") == "U+884C bus"
        assert on_one_line("人") == "U+4EBA"
        assert on_one_line("\U0001d400") == "A"
    assert len([record for record in caplog.records if "manimgx-fonts" in record.message]) == 1


def test_fonts_of_the_system_are_found_and_broken_ones_passed_over(other_fonts, caplog):
    thai = next(path for path in fonts._files_of("manimgx_fonts", "") if "Thai" in path.name)
    other_fonts.mkdir()
    (other_fonts / "a_broken.ttf").write_bytes(b"not a font")
    (other_fonts / "thai.TTF").write_bytes(thai.read_bytes())
    assert on_one_line("กก") == "กก"
    assert font_with("ก").path == other_fonts / "thai.TTF"
    assert ink("ก", 30).max() > 200


def test_without_fribidi_letters_still_run_from_right_to_left_and_a_line_is_logged(monkeypatch, caplog):
    caches = (fonts.can_shape, ink)
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setattr(fonts.features, "check", lambda name: False)
    basic = fonts.ImageFont.Layout.BASIC
    truetype = fonts.ImageFont.truetype
    monkeypatch.setattr(fonts.ImageFont, "truetype", lambda *args: truetype(*args, layout_engine=basic))
    fonts.open_font.cache_clear()
    try:
        aleph, both = ink("א", 30), ink("אב", 30)
        assert (both[:, -aleph.shape[1] :] > 128).sum() == pytest.approx((aleph > 128).sum(), rel=0.1)
        assert "libfribidi" in caplog.text
    finally:
        for cache in (*caches, fonts.open_font):
            cache.cache_clear()


def test_ink_is_cut_to_its_line_not_outside_it():
    canvas = np.zeros((4, 6), np.uint8)
    text._paste(canvas, np.full((9, 9), 7, np.uint8), -2, -3)
    assert (canvas == 7).all()
    text._paste(canvas, np.full((2, 2), 9, np.uint8), 3, 5)
    assert canvas[3, 5] == 9
    assert (canvas == 9).sum() == 1
