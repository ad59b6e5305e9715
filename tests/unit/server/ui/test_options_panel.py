import gradio as gr
import pytest

from wav2vec2_app.server.ui import options_panel
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, OPTIONS, parse_options


@pytest.fixture
async def panel() -> options_panel.OptionsPanel:
    with gr.Blocks():
        return options_panel.lay_out()


async def test_panel_has_an_input_for_each_option_in_the_order_of_the_table(
    panel: options_panel.OptionsPanel,
) -> None:
    labels = [one.label for one in panel.inputs]

    assert labels == [option.label for option in OPTIONS]
    assert [one.info for one in panel.inputs] == [option.help for option in OPTIONS]


async def test_panel_begins_with_the_default_options(panel: options_panel.OptionsPanel) -> None:
    assert tuple(one.value for one in panel.inputs) == options_panel.defaults()
    assert parse_options(*options_panel.defaults()) == DEFAULT_OPTIONS


async def test_sliders_have_the_bounds_of_the_table(panel: options_panel.OptionsPanel) -> None:
    numbers = [
        (option, one) for option, one in zip(OPTIONS, panel.inputs, strict=True) if option.is_number
    ]

    assert len(numbers) >= 4
    for option, slider in numbers:
        assert isinstance(slider, gr.Slider)
        assert (slider.minimum, slider.maximum) == (option.low, option.high)


async def test_every_slider_starts_on_one_of_its_steps(panel: options_panel.OptionsPanel) -> None:
    """A browser moves a slider that does not, and the page would take that for a user's change."""
    for slider in (one for one in panel.inputs if isinstance(one, gr.Slider)):
        steps = (slider.value - slider.minimum) / slider.step
        assert steps == pytest.approx(round(steps)), slider.label
