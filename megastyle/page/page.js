// What the page does by itself. Gradio runs this function once, when the page loads; the events of app.py call the functions of
// window.megastyle. `constants` come from app.py.
(constants) => {
    const fileOf = item => item.image ?? item.video;
    const named = file => file?.orig_name || file?.path?.split("/").at(-1) || "";
    const folders = (test, references) =>
        [test, ...(references ?? []).map(fileOf)].filter(Boolean).map(file => file.path.split("/").at(-2));
    const closeErrors = () => document.querySelectorAll(".toast-close").forEach(button => button.click());
    const paragraph = (kind, ...parts) => {
        const note = document.createElement("p");
        note.className = kind;
        note.setAttribute("role", "status");
        note.append(...parts);
        return note.outerHTML;
    };
    const strong = text => Object.assign(document.createElement("b"), {textContent: text});
    let sent = []; // the folders of the references that were last compared, in order
    let leaving = []; // the folders of those to compare without

    window.megastyle = {
        // Before a comparison: an error that is answered is over, and the inputs are sent as paths alone. For an SVG, Gradio's page
        // writes the whole drawing into `url`, which the guard refuses.
        inputs(test, references, tried) {
            closeErrors();
            sent = folders(null, references);
            const bare = file => file && {...file, url: null};
            const bareItem = item => ({...item, ...(item.image ? {image: bare(item.image)} : {video: bare(item.video)})});
            return [bare(test), references?.map(bareItem) ?? null, tried];
        },

        // Whether the shown result was made from other pictures than the chosen ones. Gradio keeps each upload in a folder that is
        // named after its content.
        stale(test, references) {
            const shown = document.querySelector("[data-made-from]");
            if (!shown || shown.dataset.madeFrom === folders(test, references).join(" ")) return "";
            if (shown.dataset.recalled !== undefined)
                return paragraph("earlier", "An earlier result, of ", strong(shown.dataset.recalled), ". Compare makes one of the pictures above.");
            return paragraph("old", strong("This is the old result."), " The pictures have changed since; press Compare for a new one.");
        },

        // How many references are chosen, and which of them count; the names of those that the browser cannot show.
        chosen(references) {
            const count = references?.length ?? 0;
            requestAnimationFrame(() => document.querySelectorAll("#references .gallery-item").forEach((tile, index) => {
                const picture = tile.querySelector("img");
                const name = named(fileOf(references[index] ?? {}));
                if (picture) Object.assign(picture, {alt: name, title: name});
                tile.querySelector(".delete-button")?.setAttribute("aria-label", `Remove reference ${index + 1}`);
            }));
            if (!count) return "";
            const most = constants.most;
            const extra = count > most ? ` The first ${most} count; numbers above ${most} are left out.` : "";
            return `${count} reference${count === 1 ? "" : "s"} chosen, numbered in the order in which they were added.${extra}`;
        },

        // Empty values for the inputs, the hint, the count, the note on an old result, and so many outputs after the verdict.
        clear(outputs) {
            closeErrors();
            return [null, null, constants.hint, "", "", constants.waiting, ...Array(outputs).fill(null)];
        },

        // The references without those that a press leaves out.
        remaining: references => (references ?? []).filter(item => !leaving.includes(folders(null, [item])[0])),
        press: id => document.getElementById(id).click(),

        // The result has come: on a phone it lies below the inputs; on a wide screen there is room for the matrix.
        showResult() {
            const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
            const narrow = matchMedia("(max-width: 768px)").matches;
            document.querySelectorAll("details.against").forEach(part => { part.open = !narrow; });
            if (narrow) document.getElementById("result").scrollIntoView({behavior: calm ? "auto" : "smooth", block: "start"});
        },

        // Copies the result as text; without the permission to, it shows the text selected.
        async copy() {
            const area = document.querySelector("textarea.copied-text");
            const button = document.getElementById("copy");
            if (!area) return;
            try {
                await navigator.clipboard.writeText(area.value);
                const words = button.textContent;
                button.textContent = "Copied";
                setTimeout(() => { button.textContent = words; }, 2000);
            } catch {
                area.hidden = false;
                area.focus();
                area.select();
            }
        },
    };

    // A print shows the matrix, however small the screen is.
    window.addEventListener("beforeprint", () => document.querySelectorAll("details.against").forEach(part => { part.open = true; }));

    // A picture that is dropped beside the inputs would replace the page.
    for (const kind of ["dragover", "drop"]) window.addEventListener(kind, event => event.preventDefault());

    // A pasted picture becomes the test image, or a reference if there is a test image already. Its name says when it was pasted,
    // and as which: two may come within a second.
    let pasted = 0;
    window.addEventListener("paste", event => {
        const pictures = [...(event.clipboardData?.files ?? [])].filter(file => file.type.startsWith("image/"));
        if (!pictures.length) return;
        const slot = document.querySelector("#test img") ? "#references" : "#test";
        const input = document.querySelector(`${slot} input[type=file]`);
        if (!input) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        const files = new DataTransfer();
        const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
        for (const file of pictures) {
            const plain = ["", "image.png", "clipboard.png"].includes(file.name);
            const ending = file.type.split("/")[1].replace("+xml", "");
            files.items.add(plain ? new File([file], `pasted-${time}-${++pasted}.${ending}`, {type: file.type}) : file);
        }
        input.files = files.files;
        input.dispatchEvent(new Event("change", {bubbles: true}));
    }, true);

    // The message on files that cannot be read, and the note on the odd one out, offer to compare without them. The button's classes
    // are their numbers, for Gradio's messages let no data attribute through; the inputs may have changed since, so they go by folder.
    document.addEventListener("click", event => {
        const offer = event.target.closest?.("button.without");
        if (!offer) return;
        const shown = offer.closest("[data-made-from]");
        const compared = shown ? shown.dataset.madeFrom.split(" ").slice(shown.querySelector("figure.test") ? 1 : 0) : sent;
        leaving = [...offer.classList].filter(name => /^\d+$/.test(name)).map(number => compared[number]);
        document.getElementById("without").click();
    });

    // A picture in the list marks its row and column in the matrix, a cell of the matrix its two pictures.
    const light = event => {
        document.querySelectorAll(".lit").forEach(part => part.classList.remove("lit"));
        const from = event.type === "mouseout" || event.type === "focusout" ? null : event.target.closest?.("[data-picture], [data-row]");
        if (!from || !from.closest(".details")) return;
        const {picture, row, column} = from.dataset;
        const parts = picture
            ? `[data-picture="${picture}"], [data-row="${picture}"], [data-column="${picture}"]`
            : `[data-picture="${row}"], [data-picture="${column}"]`;
        from.closest(".details").querySelectorAll(parts).forEach(part => part.classList.add("lit"));
    };
    for (const kind of ["mouseover", "mouseout", "focusin", "focusout"]) document.addEventListener(kind, light);
}
