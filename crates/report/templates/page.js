"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Colours: those of the system until the button is pressed.
  const theme = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let isDark = dark.matches;
  const name = () => { theme.textContent = isDark ? "Light colours" : "Dark colours"; };
  theme.hidden = !CSS.supports("color", "light-dark(#fff, #000)");
  theme.addEventListener("click", () => {
    isDark = !isDark;
    document.documentElement.style.colorScheme = isDark ? "dark" : "light";
    name();
  });
  addEventListener("beforeprint", () => { document.documentElement.style.colorScheme = ""; });
  name();

  for (const hint of all("[data-script]")) hint.hidden = false;

  // Sorting: a click on a column's name. Cells without a number come last.
  const key = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return null;
    if (cell.classList.contains("n")) return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
    return cell.textContent;
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  for (const table of all("table")) {
    const body = table.tBodies[0];
    if (body.rows.length < 2) continue;
    for (const head of all("thead th", table)) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const column = head.cellIndex;
        const first = head.classList.contains("n") && column > 0 ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const order = head.getAttribute("aria-sort") === first ? other : first;
        for (const each of all("thead th", table)) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const rows = [...body.rows].map((row) => [key(row, column), row]);
        rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b)));
        body.append(...rows.map(([, row]) => row));
      });
    }
  }

  // The filter of models: rows are hidden, points are dimmed, and the first that remains is named.
  for (const form of all("form.filter")) {
    const article = form.closest("article");
    const rows = all("tr[data-model]", article);
    const output = form.querySelector("output");
    const limit = (field, value) => {
      const text = form.elements[field].value.trim();
      return text === "" || !Number.isFinite(Number(text)) ? null : Number(text);
    };
    const apply = () => {
      const most = limit("parameters");
      const least = limit("throughput");
      const word = form.elements.name.value.trim().toLowerCase();
      const kept = new Set();
      for (const row of rows) {
        const speed = row.dataset.throughput;
        const fits =
          (most === null || Number(row.dataset.parameters) <= most * 1e6) &&
          (least === null || (speed !== undefined && Number(speed) >= least)) &&
          (word === "" || row.querySelector("th").textContent.toLowerCase().includes(word));
        row.hidden = !fits;
        if (fits) kept.add(Number(row.dataset.model));
      }
      for (const point of all("svg [data-model]", article)) point.classList.toggle("gone", !kept.has(Number(point.dataset.model)));
      if (most === null && least === null && word === "") { output.textContent = ""; return; }
      const best = rows.filter((row) => !row.hidden).sort((a, b) => a.dataset.model - b.dataset.model)[0];
      output.textContent = best
        ? `${kept.size} of ${rows.length} models remain; the best of them is \u2068${best.querySelector("th").textContent}\u2069.`
        : "No model remains.";
    };
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(apply));
  }

  // The text of a mark, beside the pointer; without scripts, browsers show it after a while.
  const tip = document.getElementById("tip");
  for (const picture of all("figure svg")) {
    for (const title of all("g > title", picture)) {
      title.parentNode.dataset.tip = title.textContent;
      title.remove();
    }
  }
  addEventListener("pointermove", (event) => {
    const mark = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.dataset.tip;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - width - 4))}px`;
    tip.style.top = `${event.clientY + 16 + height > innerHeight ? event.clientY - height - 8 : event.clientY + 16}px`;
  });

  for (const button of all("button[data-json]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const json = document.getElementById(button.dataset.json).textContent;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([json], { type: "application/json" }));
      link.download = button.dataset.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }
})();
