// What the page does by itself. Gradio runs this function once, when the page loads; the events of app.py call the functions of
// window.megastyle. `constants` come from app.py. The server keeps nothing of a visit: the tab does, in `visit`.
(constants) => {
    const find = selector => document.querySelector(selector);
    const press = id => document.getElementById(id).click();
    const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));
    const framed = window !== window.top;
    const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
    const strong = text => Object.assign(document.createElement("b"), {textContent: text});
    const write = (id, ...parts) => find(`#${id} p`).replaceChildren(...parts);
    const closeErrors = () => document.querySelectorAll(".toast-close").forEach(button => button.click());

    // ---------------------------------------------------------------------------------------------------------------- files
    const {root, api_prefix: prefix} = window.gradio_config;
    const api = location.origin + new URL(root || "/", location.href).pathname.replace(/\/$/, "") + prefix;
    const address = path => `${api}/file=${path.split("/").map(encodeURIComponent).join("/")}`;
    const nameOf = file => file.orig_name || file.path.split("/").at(-1);
    const placeOf = file => file.path.split("/").at(-2); // Gradio names an upload's folder after its content
    const places = files => files.map(placeOf).join(" ");
    const same = (one, other) => places([one.test, ...one.references].filter(Boolean)) === places([other.test, ...other.references].filter(Boolean));
    const items = files => files.map(image => ({image, caption: null}));
    const filesOf = tiles => (tiles ?? []).map(item => item.image ?? item.video);
    const named = files => files.map(nameOf).join(", ");

    // --------------------------------------------------------------------------------------------------------------- memory
    // Sets of pictures are {test, references}: those in the inputs, those of the shown result, and those that are being compared.
    const KEY = "megastyle";
    const fresh = () => ({test: null, references: [], shown: null, comparing: null, tried: [], former: null, example: null});
    let visit = fresh();
    let ready = false; // what was kept has been put back
    let isReady;
    const readied = new Promise(done => { isReady = done; });
    const keep = () => {
        try {
            if (ready) sessionStorage.setItem(KEY, JSON.stringify(visit));
        } catch { /* A browser that stores nothing: the visit works, and ends with a reload. */ }
    };
    const kept = () => {
        try {
            return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
        } catch {
            return {};
        }
    };
    const chosen = () => ({test: visit.test, references: visit.references});
    // What an event sends: paths alone, which the door lets in.
    const request = set => {
        const bare = file => ({...file, url: null});
        return [set.test && bare(set.test), items(set.references.map(bare)), visit.tried.map(bare)];
    };

    // -------------------------------------------------------------------------------------------------------- where to look
    // The Hub makes its frame as tall as the page, a moment after the page has grown; to scroll before would scroll inside it.
    const standsStill = async () => {
        let height = innerHeight, since = performance.now();
        const end = since + 3000;
        while (framed && performance.now() < Math.min(since + 400, end)) {
            await pause(50);
            if (innerHeight !== height) [height, since] = [innerHeight, performance.now()];
        }
    };
    // The part of the page that is seen, of which a frame learns in no other way.
    const seen = () => new Promise(done => {
        const observer = new IntersectionObserver(([entry]) => {
            observer.disconnect();
            done(entry.intersectionRect);
        });
        observer.observe(document.documentElement);
        setTimeout(() => done({top: 0, bottom: innerHeight, height: innerHeight}), 500); // where nothing is drawn at the moment
    });
    let moved = false; // whether the visitor has scrolled since the page came
    for (const kind of ["wheel", "touchmove", "keydown"]) window.addEventListener(kind, () => { moved = true; }, {passive: true});
    const bring = async (element, block) => {
        await standsStill();
        const {top, bottom} = await seen(), box = element.getBoundingClientRect();
        if (box.top >= top && box.bottom <= bottom) return;
        const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
        element.scrollIntoView({behavior: calm ? "auto" : "smooth", block});
    };
    const note = (...parts) => {
        write("note", ...parts);
        if (parts.length) bring(find("#note"), "nearest");
    };
    const spoken = document.createElement("div"); // what a screen reader says of a new result
    spoken.className = "unseen";
    spoken.setAttribute("aria-live", "polite");
    document.body.append(spoken);
    if (framed) setInterval(async () => { // messages stand where the visitor looks
        if (find(".toast-body")) document.documentElement.style.setProperty("--seen-top", `${Math.max((await seen()).top, 0)}px`);
    }, 300);

    // --------------------------------------------------------------------------------------------------------------- showing
    const stale = () => {
        const {shown} = visit;
        if (!shown || !find("#overview .overview") || same(shown, chosen())) return [];
        if (shown.test && visit.test && places(shown.references) === places(visit.references))
            return ["earlier", "This is the result of ", strong(nameOf(shown.test)), ", tried before. Press Compare for one of the pictures above."];
        return ["old", strong("This is the old result."), " The pictures have changed since; press Compare for a new one."];
    };
    const label = () => {
        document.querySelectorAll("#references .gallery-item").forEach((tile, index) => {
            const picture = tile.querySelector("img"), file = visit.references[index];
            if (picture && file) Object.assign(picture, {alt: nameOf(file), title: nameOf(file)});
            tile.querySelector(".thumbnail-item")?.setAttribute("aria-label", `Reference ${index + 1}: look at it large, or replace it`);
            tile.querySelector(".delete-button")?.setAttribute("aria-label", `Remove reference ${index + 1}`);
        });
        document.querySelectorAll("#references .icon-button button").forEach(part => { part.inert = true; }); // a button inside another
        const picture = find("#test img");
        if (picture && visit.test) picture.alt = `Test image: ${nameOf(visit.test)}`;
        for (const [slot, what, all] of [["test", "the test image", "the test image"], ["references", "references", "all references"]]) {
            const names = {drop: `Choose ${what}`, upload: `Choose ${what}`, paste: `Paste ${what} from the clipboard`, clear: `Remove ${all}`, "remove image": `Remove ${all}`};
            document.querySelectorAll(`#${slot} [aria-label]:not(input)`).forEach(part => {
                const name = Object.entries(names).find(([word]) => part.getAttribute("aria-label").toLowerCase().includes(word))?.[1];
                if (name && part.getAttribute("aria-label") !== name) part.setAttribute("aria-label", name);
            });
        }
    };
    const show = () => {
        keep();
        const count = visit.references.length, {most} = constants;
        const extra = count > most ? ` The first ${most} count; numbers above ${most} are left out.` : "";
        const [kind, ...parts] = stale(), old = kind ? " The result below is an older one." : "";
        write("chosen", (count ? `${counted(count, "reference")} chosen, numbered in the order in which they were added.${extra}` : "") + old);
        write("hint", visit.example && same(visit.example, chosen()) ? visit.example.hint : constants.hint);
        find("#stale p").className = kind ?? "";
        write("stale", ...parts);
        find("#former details").hidden = !visit.former;
        find("#former details > div").innerHTML = visit.former?.html ?? "";
        label();
    };

    // ------------------------------------------------------------------------------------------------------ choosing pictures
    const uploads = new Map(); // the requests that are under way, and how much of each is sent
    let filling = 0, looking = 0; // how often the inputs are about to be filled, and files looked at
    const isBusy = () => uploads.size || filling || looking;
    let then = null; // what waits for that, or for uploads
    const refill = () => {
        filling += 1;
        press("fill");
    };
    // What a front says instead of the server is no JSON; Gradio would show how it failed to read it.
    const told = status => ({
        413: "That is more than the server takes at once. Choose fewer or smaller pictures.",
        429: "Too much was asked of the server from here. Wait a minute and try again.",
    })[status] ?? "The server does not answer. What you have chosen is kept; try again in a minute.";
    const plainFetch = window.fetch;
    window.fetch = async (...asked) => {
        const answer = await plainFetch(...asked), isJson = answer.headers.get("content-type")?.includes("json");
        if (answer.ok || isJson || !String(asked[0].url ?? asked[0]).includes("/queue/join")) return answer;
        const detail = `<b>Not done</b><br>${told(answer.status)}`;
        return new Response(JSON.stringify({detail}), {status: answer.status === 503 ? 502 : answer.status});
    };
    const showUploads = () => {
        const shares = [...uploads.values()], count = shares.length;
        document.body.classList.toggle("uploading", count > 0);
        if (!count) return note();
        const bar = Object.assign(document.createElement("progress"), {value: shares.reduce((sum, share) => sum + share, 0) / count});
        const line = find("#note p");
        if (line.querySelector("progress")) line.querySelector("progress").value = bar.value;
        else note("Uploading… ", bar);
    };
    const upload = files => new Promise((done, fail) => {
        const sending = new XMLHttpRequest(), form = new FormData();
        files.forEach(file => form.append("files", file, file.name));
        sending.upload.onprogress = ({loaded, total}) => {
            if (uploads.has(sending)) uploads.set(sending, loaded / total);
            showUploads();
        };
        sending.onloadend = () => {
            uploads.delete(sending);
            showUploads();
            const isText = (sending.getResponseHeader("content-type") ?? "").startsWith("text/plain");
            if (sending.status === 200) done(JSON.parse(sending.responseText).map((path, index) => ({
                path, url: address(path), orig_name: files[index].name.slice(-255), size: files[index].size, mime_type: files[index].type,
                meta: {_type: "gradio.FileData"},
            })));
            else fail(Error(isText && sending.status < 500 ? sending.responseText : told(sending.status)));
        };
        sending.open("POST", `${api}/upload`);
        uploads.set(sending, 0);
        showUploads();
        sending.send(form);
    });

    // What a file is, its first bytes say; a name may lie.
    const refusal = async file => {
        if (!file.size || file.size > constants.fileBytes) return file.size ? constants.tooLarge : constants.empty;
        const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 1024).arrayBuffer().catch(() => new ArrayBuffer())));
        return (constants.kinds.find(([pattern]) => RegExp(`^(${pattern})`, "is").test(start)) ?? ["", constants.noPicture])[1];
    };
    // `slot` is "test", "references", or the number of the reference to replace; null where pictures are dropped or pasted beside.
    const receive = async (files, slot) => {
        looking += 1;
        const whys = await Promise.all(files.map(refusal)), lines = [];
        looking -= 1;
        files.forEach((file, index) => { if (whys[index]) lines.push(strong(file.name), ` ${whys[index]} `); });
        let fine = files.filter((_, index) => !whys[index]);
        const isBeside = slot === null;
        if (isBeside) slot = visit.test ? "references" : "test";
        if (slot === "test" && fine.length > 1) {
            lines.push("Of several pictures the first is the test image: ", strong(fine[0].name), ". Choose the others one after the other, or as references.");
            fine = fine.slice(0, 1);
        }
        if (fine.length > constants.files) {
            lines.push(`Too many files at once: choose at most ${constants.files}.`);
            fine = [];
        }
        note(...lines);
        if (!fine.length) {
            if (!isBusy()) then = null;
            if (slot === "test" && visit.test) note(...lines, "The test image is still ", strong(nameOf(visit.test)), ".");
            return;
        }
        await readied;
        const current = visit;
        try {
            const [first, ...others] = await upload(fine);
            if (visit !== current) return; // cleared meanwhile
            if (slot === "test") visit.test = first;
            else if (slot === "references") visit.references = [...visit.references, first, ...others];
            else visit.references = [...visit.references.map((file, index) => (index === slot ? first : file)), ...others];
            refill();
            if (isBeside) lines.push(strong(named([first, ...others])), slot === "test" ? " is the test image." : ` ${others.length ? "were" : "was"} added to the references.`);
            if (lines.length) note(...lines);
        } catch (error) {
            if (visit === current) note(strong(fine.map(file => file.name).join(", ")), " was not sent. ", error.message);
            then = null;
        }
    };
    const choose = slot => {
        const input = Object.assign(document.createElement("input"), {type: "file", accept: "image/*", hidden: true, multiple: slot === "references"});
        input.addEventListener("change", () => receive([...input.files], slot));
        for (const end of ["change", "cancel"]) input.addEventListener(end, () => input.remove());
        document.body.append(input);
        input.click();
    };
    const slotOf = target => {
        const tile = target.closest?.("#references .gallery-item");
        if (tile) return [...document.querySelectorAll("#references .gallery-item")].indexOf(tile);
        return target.closest?.("#test, #references")?.id ?? null;
    };

    let pasted = 0;
    const paste = (pictures, slot) => {
        const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
        receive(pictures.map(file => { // two may come within a second
            const ending = file.type.split("/")[1].replace("+xml", "");
            const plain = ["", "image.png", "clipboard.png"].includes(file.name ?? "");
            return plain ? new File([file], `pasted-${time}-${++pasted}.${ending}`, {type: file.type}) : file;
        }), slot);
    };
    const pasteFromButton = async slot => {
        try {
            const found = (await navigator.clipboard.read()).flatMap(item => item.types.filter(type => type.startsWith("image/")).slice(0, 1).map(type => item.getType(type)));
            if (found.length) paste((await Promise.all(found)).map(blob => new File([blob], "", {type: blob.type})), slot);
            else note("There is no picture in the clipboard. Copy one, then paste it here.");
        } catch {
            note("The browser lets no button read the clipboard here. Press Ctrl+V (on a Mac ⌘V) instead, or choose a file.");
        }
    };
    window.addEventListener("paste", event => {
        const pictures = [...(event.clipboardData?.files ?? [])].filter(file => file.type.startsWith("image/"));
        if (!pictures.length) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        paste(pictures, null);
    }, true);

    // Gradio's own way with files loses some of them: a drop on a filled input, several files at once. So no event reaches it.
    let dragged = false; // a picture of this page
    window.addEventListener("dragstart", () => { dragged = true; }, true);
    window.addEventListener("dragend", () => { dragged = false; }, true);
    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) window.addEventListener(kind, event => {
        event.preventDefault();
        event.stopImmediatePropagation();
        document.querySelectorAll(".drop-here").forEach(part => part.classList.remove("drop-here"));
        if (dragged) return;
        if (kind !== "drop") return kind !== "dragleave" && event.target.closest?.("#test, #references .gallery-item, #references")?.classList.add("drop-here");
        const {files, types} = event.dataTransfer;
        if (files.length) receive([...files], slotOf(event.target));
        else if (types.includes("text/uri-list")) note("That was only the picture's address. Copy the picture and paste it here, or save it and drop the file.");
    }, true);
    window.addEventListener("change", event => {
        const input = event.target;
        if (input.type !== "file" || !input.closest("#inputs") || !input.files.length) return;
        event.stopImmediatePropagation();
        receive([...input.files], input.closest("#test") ? "test" : "references");
    }, true);

    // A reference, large, with what can be done to it. In a frame it stands where the visitor looks.
    const lookAt = async number => {
        if (find("#large")) return; // a key that was pressed twice
        const file = visit.references[number], dialog = document.createElement("dialog");
        const picture = Object.assign(document.createElement("img"), {src: address(file.path), alt: nameOf(file)});
        const caption = Object.assign(document.createElement("p"), {textContent: `Reference ${number + 1}: ${nameOf(file)}`});
        const button = (text, act) => Object.assign(document.createElement("button"), {textContent: text, onclick: () => { dialog.close(); act?.(); }});
        const row = document.createElement("div");
        row.append(button("Replace…", () => choose(number)), button("Close"));
        dialog.id = "large";
        dialog.append(picture, caption, row);
        dialog.addEventListener("close", () => dialog.remove());
        dialog.addEventListener("click", event => { if (event.target === dialog && event.detail < 2) dialog.close(); });
        document.body.append(dialog);
        const {top, height} = await seen();
        dialog.style.setProperty("--top", `${Math.max(top, 0)}px`);
        dialog.style.setProperty("--height", `${height}px`);
        dialog.showModal();
    };

    // --------------------------------------------------------------------------------------------------------------- results
    let wanted = null; // the set whose result is asked for again
    let before = null; // the list of what was tried, as it stood before
    let restoring = false; // a result is awaited that was there before a reload
    let polls = 0, measured = ""; // how often a comparison was looked for, and what was there of it
    const without = (set, numbers) => ({test: set.test, references: set.references.filter((_, index) => !numbers.includes(index))});
    const remember = () => {
        const list = find("#tried section");
        before = list && visit.shown ? {html: list.outerHTML, references: visit.shown.references} : null;
    };
    const ask = set => {
        wanted = set;
        press("reopen");
    };
    const arrived = async set => {
        if (before && places(before.references) !== places(set.references)) visit.former = before;
        if (visit.former && places(visit.former.references) === places(set.references)) visit.former = null;
        Object.assign(visit, {shown: set, comparing: null});
        if (set.test) visit.tried = [...visit.tried.filter(file => placeOf(file) !== placeOf(set.test)), set.test].slice(-constants.tried);
        show();
        const wide = !matchMedia("(max-width: 768px)").matches; // there is room for the matrix
        document.querySelectorAll("details.against").forEach(part => { part.open = wide; });
        spoken.textContent = [...document.querySelectorAll("#verdict :is(h2, p)")].slice(0, 3).map(part => part.textContent).join(" ");
        if (!(restoring && moved)) await bring(find("#result"), "start");
        restoring = false;
    };
    const lookAgain = async now => {
        polls = now === measured ? polls + 1 : 0;
        measured = now;
        await pause(3000);
        closeErrors();
        if (!visit.comparing) return;
        if (polls < 40) return ask(visit.comparing);
        visit.comparing = null; // two minutes without a picture more
        show();
        note("The comparison that was under way has not come to its end. Press Compare.");
        if (visit.shown) ask(visit.shown);
    };

    window.megastyle = {
        // A visit goes on after a reload. What the server has deleted is named; what was chosen before this script ran stays.
        async restore(test, references) {
            const old = kept();
            const files = [old.test, ...(old.references ?? [])].filter(Boolean);
            const isGone = async file => [403, 404, 410].includes((await fetch(address(file.path), {method: "HEAD"}).catch(() => ({}))).status);
            const flags = await Promise.all(files.map(isGone)), gone = files.filter((_, index) => flags[index]);
            if (gone.length) note(strong(named(gone)), ` ${gone.length === 1 ? "is" : "are"} no longer on the server, which keeps pictures for ${constants.minutes} minutes at most. Choose again.`);
            visit = {...fresh(), ...old};
            if (gone.includes(visit.test)) visit.test = null;
            visit.references = visit.references.filter(file => !gone.includes(file));
            visit.test = test ?? visit.test;
            visit.references.push(...filesOf(references));
            return files.length ? this.fill() : [{__type__: "update"}, {__type__: "update"}];
        },
        restored(test, references) {
            ready = true;
            isReady();
            this.changed(test, references);
            if (visit.comparing) write("stale", "A comparison was under way when the page was loaded again. Its result will appear here by itself.");
            restoring = Boolean(visit.comparing ?? visit.shown);
            if (restoring) ask(visit.comparing ?? visit.shown);
        },
        fill: () => [visit.test, {__type__: "update", value: items(visit.references), selected_index: null}],
        refilled(test, references) {
            filling -= 1;
            this.changed(test, references);
            if (isBusy() || !then) return;
            const next = then;
            then = null;
            next();
        },
        changed(test, references) {
            if (!ready || filling) return;
            Object.assign(visit, {test: test ?? null, references: filesOf(references)});
            if (visit.example && !visit.example.references) Object.assign(visit.example, chosen());
            show();
        },
        example(hint) { // its list begins anew: a visitor's own test images were not chosen for its references
            Object.assign(visit, {example: {hint}, tried: []});
            note();
            return [];
        },
        clear() {
            closeErrors();
            visit = fresh();
            then = null;
            [...uploads.keys()].forEach(sending => sending.abort());
            note();
            spoken.textContent = "";
            return [...this.fill(), constants.waiting, null, null, null];
        },

        comparing(test, references) {
            closeErrors();
            remember();
            visit.comparing = {test, references: filesOf(references)};
            visit.sent = visit.comparing;
            keep();
            return request(visit.comparing);
        },
        compared: () => arrived(visit.comparing),
        failed() {
            visit.comparing = null;
            show();
        },
        reopening() {
            remember();
            return request(wanted);
        },
        // The result, or how much of it there is; then a comparison that is under way is looked for again.
        async reopened() {
            await Promise.race([new Promise(requestAnimationFrame), pause(500)]);
            if (find("#overview .overview")) arrived(wanted);
            else if (visit.comparing) lookAgain(find("#verdict").textContent);
            else show();
        },
        missed() {
            if (visit.comparing) lookAgain(measured);
        },

        taking: () => request(visit.shown),
        save({name, mime, base64}) {
            const file = new File([Uint8Array.from(atob(base64), letter => letter.charCodeAt(0))], name, {type: mime});
            if (sharing) return share(file);
            const href = URL.createObjectURL(file);
            Object.assign(document.createElement("a"), {href, download: name}).click();
            setTimeout(() => URL.revokeObjectURL(href), 60_000);
        },
    };

    // Where the browser shares files; in a frame none does. It shares right after a press only, so a slow picture needs a second one.
    let sharing = false, shareable = null;
    const shareButton = find("#take-png")?.cloneNode();
    const share = async file => {
        sharing = false;
        shareable = {file, of: JSON.stringify(visit.shown)};
        try {
            await navigator.share({files: [file]});
            shareButton.textContent = "Share picture";
        } catch (error) {
            shareButton.textContent = error.name === "AbortError" ? "Share picture" : "Press again to share";
        }
    };
    if (shareButton && !framed && navigator.canShare?.({files: [new File([""], "a.png", {type: "image/png"})]})) {
        Object.assign(shareButton, {id: "share", textContent: "Share picture"});
        shareButton.addEventListener("click", () => {
            if (shareable?.of === JSON.stringify(visit.shown)) return share(shareable.file);
            sharing = true;
            press("take-png");
        });
        find("#take-png").after(shareButton);
    }

    // --------------------------------------------------------------------------------------------------------------- presses
    const compareAsked = event => { // a hint costs no request, and an upload is waited for
        const advice = isBusy() ? "" : constants.advice[!visit.references.length ? (visit.test ? "test" : "nothing") : visit.test || visit.references.length > 1 ? "" : "reference"];
        if (!advice && !isBusy()) return;
        event.stopImmediatePropagation();
        if (advice) return note(advice);
        then = () => press("compare");
        note("Uploading; the comparison begins when all pictures are there… ", document.createElement("progress"));
        showUploads();
    };
    const copy = async button => { // without the permission to, the text is shown selected
        const area = find("textarea.copied-text");
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
    };
    // The message on files that cannot be read, and the note on the odd one out, offer to compare without them. The button's classes
    // are their numbers, for Gradio's messages let no data attribute through; the inputs may have changed since, so they go by place.
    const leaveOut = offer => {
        const isShown = Boolean(offer.closest("#overview")), set = isShown ? visit.shown : visit.sent;
        const numbers = [...offer.classList].filter(name => /^\d+$/.test(name)).map(Number);
        const leaving = numbers.map(number => placeOf(set.references[number]));
        visit.references = visit.references.filter(file => !leaving.includes(placeOf(file)));
        then = isShown ? () => ask(without(set, numbers)) : () => press("compare");
        refill();
    };
    const OURS = { // presses that Gradio does not hear of, by what is pressed
        "#test .image-frame": () => choose("test"),
        '#test .source-selection [aria-label^="Choose"]': () => choose("test"),
        '#references .icon-button[aria-label^="Choose"]': () => choose("references"),
        '#test [aria-label^="Paste"]': () => pasteFromButton("test"),
        '#references [aria-label^="Paste"]': () => pasteFromButton("references"),
        "#references .thumbnail-item": tile => lookAt(slotOf(tile)),
        "#copy": copy,
        "button.without": leaveOut,
        "[data-attempt]": row => ask({
            test: visit.tried.find(file => placeOf(file) === row.dataset.file),
            references: row.closest("#former") ? visit.former.references : visit.shown.references,
        }),
    };
    window.addEventListener("click", event => {
        const pressed = selector => event.target.closest?.(selector);
        if (pressed("#compare")) compareAsked(event);
        const ours = Object.keys(OURS).find(pressed);
        if (ours) {
            event.preventDefault();
            event.stopImmediatePropagation();
            if (event.detail < 2) OURS[ours](pressed(ours)); // the second press of a double one does nothing
        }
        const link = event.target.closest?.("a[href]");
        if (link && link.host !== location.host) Object.assign(link, {target: "_blank", rel: "noopener"});
    }, true);

    // A print shows the matrix, however small the screen is.
    window.addEventListener("beforeprint", () => document.querySelectorAll("details.against").forEach(part => { part.open = true; }));

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
    new MutationObserver(label).observe(find("#inputs"), {childList: true, subtree: true});
}
