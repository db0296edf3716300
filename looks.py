"""How the page looks: Gradio's own theming, system fonts, and the few rules that the result's HTML needs."""

from __future__ import annotations

import gradio as gr

SYSTEM_SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
SYSTEM_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
INK = gr.themes.Color(
    "#f3f6f9", "#e3eaf1", "#c6d4e1", "#9eb9cd", "#6f93b0", "#487294", "#315a7d", "#234766", "#1a3a56", "#12345c", "#0c2440", name="ink"
)  # the heatmap's blue, so that page and result are of one hand


def theme() -> gr.themes.Base:
    """A calm theme for light and dark; no font is fetched from anywhere."""
    return gr.themes.Base(
        primary_hue=INK, neutral_hue=gr.themes.colors.stone, radius_size=gr.themes.sizes.radius_md, font=SYSTEM_SANS, font_mono=SYSTEM_MONO
    ).set(
        body_background_fill="#faf9f7",
        body_background_fill_dark="#17171c",
        background_fill_primary_dark="#1e1e24",
        background_fill_secondary_dark="#26262d",
        block_background_fill="white",
        block_background_fill_dark="#1e1e24",
        block_border_color="#e4e1db",
        block_border_color_dark="#34343d",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_300",
        block_shadow="none",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_400",
        button_primary_background_fill_hover_dark="*primary_300",
        button_primary_text_color="white",
        button_primary_text_color_dark="#10141a",
        link_text_color="*primary_600",
        link_text_color_dark="*primary_300",
    )


CSS = """
.gradio-container { max-width: 1120px !important; margin: 0 auto; }
"""
