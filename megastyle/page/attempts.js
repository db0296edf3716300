// Gradio runs this for the list of what was tried, as `element`: a press on a name sends the number of its row.
element.addEventListener("click", event => {
    const button = event.target.closest("[data-attempt]");
    if (button) trigger("select", {index: Number(button.dataset.attempt)});
});
