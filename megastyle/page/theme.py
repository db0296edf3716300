"""How the page looks: Gradio's own theming, system fonts, and the few rules that the result's HTML needs."""

from __future__ import annotations

import gradio as gr

SYSTEM_SANS = (
    "ui-sans-serif",
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Helvetica Neue",
    "Arial",
    "sans-serif",
)
SYSTEM_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
INK = gr.themes.Color(  # around the heatmap's blue, so that page and result are of one hand
    "#f3f6f9",
    "#e3eaf1",
    "#c6d4e1",
    "#9eb9cd",
    "#7fa3c0",
    "#487294",
    "#315a7d",
    "#234766",
    "#1a3a56",
    "#12345c",
    "#0c2440",
    name="ink",
)


def theme() -> gr.themes.Base:
    """A calm theme for light and dark; no font is fetched from anywhere."""
    return gr.themes.Base(
        primary_hue=INK,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        font=SYSTEM_SANS,
        font_mono=SYSTEM_MONO,
    ).set(
        body_background_fill="#faf9f7",
        body_background_fill_dark="#17171c",
        body_text_color="#23232a",
        body_text_color_dark="#e9e7e3",
        body_text_color_subdued="#605d57",
        body_text_color_subdued_dark="#a9a6a0",
        background_fill_primary="white",
        background_fill_primary_dark="#1f1f26",
        background_fill_secondary="#f3f1ed",
        background_fill_secondary_dark="#28282f",
        block_background_fill="white",
        block_background_fill_dark="#1f1f26",
        block_border_color="#dedad2",
        block_border_color_dark="#3a3a44",
        block_label_text_color="#23232a",
        block_label_text_color_dark="#e9e7e3",
        block_shadow="none",
        border_color_primary="#dedad2",
        border_color_primary_dark="#3a3a44",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_300",
        button_primary_background_fill_hover_dark="*primary_200",
        button_primary_text_color="white",
        button_primary_text_color_dark="#10141a",
        button_secondary_background_fill="#edeae4",
        button_secondary_background_fill_hover="#e2ded6",
        button_secondary_background_fill_dark="#303039",
        button_secondary_background_fill_hover_dark="#3b3b45",
        button_secondary_text_color="#23232a",
        button_secondary_text_color_dark="#e9e7e3",
        link_text_color="*primary_600",
        link_text_color_dark="*primary_300",
        link_text_color_hover="*primary_700",
        link_text_color_hover_dark="*primary_200",
    )
