"""How the page looks: Gradio's own theming, system fonts, and the few rules that the result's HTML needs."""

from __future__ import annotations

import gradio as gr

SYSTEM_SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
SYSTEM_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
INK = gr.themes.Color(  # around the heatmap's blue, so that page and result are of one hand
    "#f3f6f9", "#e3eaf1", "#c6d4e1", "#9eb9cd", "#7fa3c0", "#487294", "#315a7d", "#234766", "#1a3a56", "#12345c", "#0c2440", name="ink"
)


def theme() -> gr.themes.Base:
    """A calm theme for light and dark; no font is fetched from anywhere."""
    return gr.themes.Base(
        primary_hue=INK, neutral_hue=gr.themes.colors.stone, radius_size=gr.themes.sizes.radius_md, font=SYSTEM_SANS, font_mono=SYSTEM_MONO
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


CSS = """
/* ---- layout ---- */
.gradio-container { max-width: 1080px !important; margin: 0 auto !important; }
#intro h1 { margin: .2em 0 .1em; letter-spacing: -.02em; }
#not-megastyle { background: #fff3d6; color: #3d2f08; border: 1px solid #e6cd8d; border-radius: 8px; padding: 8px 14px; }
.dark #not-megastyle { background: #3a3018; color: #f4e6bf; border-color: #66551f; }
#not-megastyle * { color: inherit; }
#references .grid-wrap { padding-top: 34px; }
#references .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr)) !important; }
#references .thumbnail-item { min-width: 0; width: 100%; }
#inputs > * { max-width: 100%; }
#examples { align-items: center; gap: 8px; }
#examples > :first-child { flex: 0 1 auto !important; width: auto; min-width: 0 !important; padding: 0; color: var(--body-text-color-subdued); }
#hint { min-height: 1.6em; padding: 0 2px; margin-top: -8px; }
#hint * { color: var(--body-text-color-subdued); font-size: 13px; margin: 0; }
#result { min-height: 320px; padding: 18px 22px; gap: 14px; background: var(--block-background-fill);
          border: 1px solid var(--block-border-color); border-radius: 10px; }
#result > *, #result .block { min-width: 0 !important; max-width: 100%; }
#result .block { border: 0; background: none; padding: 0; overflow: visible; }
#result .html-container { padding: 0; }
#verdict { min-height: 116px; }
#verdict h2 { margin: 0 0 .35em; letter-spacing: -.01em; }
#verdict p { margin: 0 0 .45em; max-width: 75ch; }
#verdict strong { font-variant-numeric: tabular-nums; }
#result:not(:has(svg.ruler)) :is(#downloads, #overview, #details) { display: none; }
#downloads button, #downloads a { flex: 0 0 auto; }
#about { gap: 0; padding: 8px 2px; }
#about p, #about li { max-width: 78ch; }
#about :is(table, tr) { border: 0 !important; background: none !important; }
#about :is(th, td) { border: 0 !important; border-bottom: 1px solid var(--block-border-color) !important; padding: 5px 24px 5px 0; }
#about h2 { margin-top: 1.6em; font-size: 1.2em; }

/* ---- while it works: which picture of how many, in the place of the verdict; Gradio would add a percentage, and count on in steps ---- */
#verdict :is(.progress-level-inner, .progress-text:has(~ .progress-level)) { display: none; }
#verdict:has(.progress-level) [data-testid="markdown-wrapper"] { visibility: hidden; }
#verdict .progress-bar-wrap { position: relative; overflow: visible; margin-top: 28px; }
#verdict .progress-bar-wrap::before { content: attr(aria-label); position: absolute; inset: auto 0 calc(100% + 8px); text-align: center; font-family: var(--font); }
#verdict .wrap:has(> .error) { display: none; } /* the message has said it; on a result that is kept it would read as part of it */

/* ---- an old result ---- */
#stale p { margin: 0; padding: 8px 14px; border-radius: 8px; background: #fff3d6; color: #3d2f08; border: 1px solid #e6cd8d; }
.dark #stale p { background: #3a3018; color: #f4e6bf; border-color: #66551f; }
#result:not(:has(#stale p)) #stale { display: none; }
#result:has(#verdict [data-testid="status-tracker"]:not(.hide)):not(:has(#verdict .error)) #stale { visibility: hidden; } /* a new one is on its way */
#result:has(#stale p) :is(#verdict, #overview, #details, #downloads) { filter: grayscale(1); }
#result:has(#stale p) :is(#verdict, #overview, #details) :not(.odd) { color: var(--body-text-color-subdued); } /* and no fainter: it can still be read */
#result:has(#stale p) svg.ruler text { fill: var(--body-text-color-subdued); }
#result:has(#stale p) :is(img, rect, line, path, circle) { opacity: .4; }
#result:has(#stale p) #verdict:has(.progress-level) { filter: none; }

/* ---- ruler ---- */
svg.ruler { display: block; overflow: visible; margin: 6px 0 2px; font-family: inherit; font-variant-numeric: tabular-nums; }
svg.ruler text { fill: var(--body-text-color); font-size: 12px; }
svg.ruler .mean-label { font-weight: 700; font-size: 14px; }
svg.ruler :is(.tick, .band-label, .bracket-label) { fill: var(--body-text-color-subdued); }
svg.ruler .band-label { font-size: 11px; }
svg.ruler .band-0 { fill: #c4614c; } svg.ruler .band-1 { fill: #dc9150; } svg.ruler .band-2 { fill: #dfba56; }
svg.ruler .band-3 { fill: #93b873; } svg.ruler .band-4 { fill: #4c8f62; }
svg.ruler .mark { stroke: var(--body-text-color); stroke-width: 2; }
svg.ruler .beyond { fill: var(--body-text-color); }
svg.ruler .mean { fill: var(--body-text-color); }
svg.ruler .bracket { stroke: var(--body-text-color-subdued); stroke-width: 2; }
svg.ruler .bracket-dot { fill: var(--body-text-color-subdued); }
ul.notes { margin: 10px 0 0 !important; padding-left: 1.1em !important; list-style: disc; }
ul.notes li { margin: 4px 0; }
bdi.name { overflow-wrap: anywhere; }

/* ---- grid ---- */
#details section { margin-top: 22px; }
#details h3 { margin: 0 0 10px; font-size: 1.05em; }
ol.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(94px, 1fr)); gap: 14px 12px; list-style: none !important;
          margin: 0 !important; padding: 0 !important; }
ol.grid li { margin: 0; padding: 0; }
ol.grid figure { margin: 0; }
ol.grid .frame { display: flex; align-items: center; justify-content: center; aspect-ratio: 1; padding: 6px;
                 background: var(--background-fill-secondary); border-radius: 8px; }
ol.grid img { max-width: 100%; max-height: 100%; object-fit: contain; margin: 0; border-radius: 3px; }
ol.grid figcaption { display: flex; flex-direction: column; font-size: 13px; padding-top: 5px; font-variant-numeric: tabular-nums; }
ol.grid bdi { color: var(--body-text-color-subdued); font-size: 12px; }

/* ---- tables ---- */
.scroll { overflow-x: auto; contain: inline-size; }
.scroll:focus-visible { outline: 2px solid var(--color-accent); outline-offset: 2px; }
.scroll table { border: 0 !important; border-collapse: collapse; margin: 0 !important; width: auto; min-width: 0; font-variant-numeric: tabular-nums; }
.scroll img { max-width: 40px; max-height: 40px; margin: 0; display: block; border-radius: 3px; }
table.references { width: 100%; }
table.references tr { background: none !important; border: 0; }
table.references :is(th, td) { border: 0 !important; border-bottom: 1px solid var(--block-border-color) !important; padding: 6px 12px 6px 0 !important; text-align: left;
                               font-weight: 400; background: none; vertical-align: middle; }
table.references tbody th { min-width: 132px; } /* a phone scrolls the table; it does not break names into syllables */
table.references thead th { color: var(--body-text-color-subdued); font-size: 12px; white-space: nowrap; }
table.references .number { font-variant-numeric: tabular-nums; }
table.references .badge { white-space: nowrap; }
.odd { display: inline-block; margin-left: 6px; padding: 0 7px; border-radius: 9px; font-size: 11px; background: #fff3d6; color: #3d2f08; white-space: nowrap; }
.dark .odd { background: #4d401d; color: #f4e6bf; }
table.matrix { border-collapse: separate; border-spacing: 2px; }
table.matrix tr { background: none !important; border: 0; }
table.matrix :is(th, td) { border: 0 !important; padding: 0; text-align: center; font-weight: 400; background: none; }
table.matrix td[style] { min-width: 58px; height: 46px; border-radius: 4px; font-size: 13px; }
table.matrix .self { font-style: italic; }
table.matrix thead th { vertical-align: bottom; }
table.matrix th { padding: 2px 6px; font-size: 12px; color: var(--body-text-color-subdued); }
table.matrix th img { margin: 0 auto 2px; }
table.matrix tbody th { position: sticky; left: 0; z-index: 1; background: var(--block-background-fill); }
p.key { margin: 8px 0 0; font-size: 12px; color: var(--body-text-color-subdued); max-width: 80ch; }
p.key .scale { display: inline-flex; border-radius: 4px; overflow: hidden; margin-right: 8px; }
p.key .scale span { padding: 1px 8px; }
.unseen { position: absolute !important; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (max-width: 640px) {
  .gradio-container main { padding: 12px !important; }
  svg.ruler .band-label { font-size: 10px; }
  table.references .rest { display: none; }
  table.references { font-size: 12px; }
  table.references tbody th { min-width: 84px; }
  table.references :is(th, td) { padding-right: 7px !important; }
  table.references thead th { white-space: normal; font-size: 11px; vertical-align: bottom; }
  .scroll img { max-width: 32px; max-height: 32px; }
  #result { padding: 14px; }
  #examples > :first-child { flex-basis: 100% !important; }
  #examples button { flex: 1 1 40% !important; }
}
@media print {
  svg.ruler, table.matrix td, p.key span { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  #inputs, #actions, #examples, footer { display: none !important; }
  .scroll { overflow: visible; }
}
"""
