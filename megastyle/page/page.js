// What the page does by itself. Gradio runs this function once, when the page loads; the events of app.py call the functions
// of window.megastyle. `constants` come from texts.py.
(constants) => {
    const fileOf = item => item.image ?? item.video;

    window.megastyle = {
        // Before a comparison: an error that is answered is over, and the inputs are sent as paths alone. For an SVG, Gradio's page
        // writes the whole drawing into `url`, which the guard refuses.
        inputs(test, references) {
            document.querySelectorAll(".toast-close").forEach(button => button.click());
            const bare = file => file && {...file, url: null};
            const bareItem = item => ({...item, ...(item.image ? {image: bare(item.image)} : {video: bare(item.video)})});
            return [bare(test), references?.map(bareItem) ?? null];
        },

        // Whether the shown result was made from other pictures than the chosen ones. Gradio keeps each upload in a folder
        // that is named after its content.
        stale(test, references) {
            const madeFrom = document.querySelector("[data-made-from]")?.dataset.madeFrom;
            const chosen = [test, ...(references ?? []).map(fileOf)].filter(Boolean).map(file => file.path.split("/").at(-2));
            return madeFrom !== undefined && madeFrom !== chosen.join(" ") ? constants.stale : "";
        },

        // Empty values for the inputs, the hint, the note on an old result, and so many outputs after the verdict.
        clear(outputs) {
            document.querySelectorAll(".toast-close").forEach(button => button.click());
            return [null, null, constants.hint, "", constants.waiting, ...Array(outputs).fill(null)];
        },

        // On a phone the result lies below the inputs.
        showResult() {
            const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
            if (matchMedia("(max-width: 768px)").matches)
                document.getElementById("result").scrollIntoView({behavior: calm ? "auto" : "smooth", block: "start"});
        },
    };

    // A picture that is dropped beside the inputs would replace the page.
    for (const kind of ["dragover", "drop"]) window.addEventListener(kind, event => event.preventDefault());
}
