(() => {
  "use strict";
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const key = (row, column) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();

  // Where a table is laid out as a list, some browsers forget that it is a table.
  const named = (table) => {
    table.role = "table";
    for (const part of [table.tHead, table.tBodies[0]]) part.role = "rowgroup";
    for (const row of table.rows) {
      row.role = "row";
      for (const cell of row.cells) cell.role = { col: "columnheader", row: "rowheader" }[cell.scope] ?? "cell";
    }
  };

  // Headings become buttons here: without a script they would do nothing.
  const sortable = (table) => {
    const body = table.tBodies[0];
    const headings = [...table.tHead.rows[0].cells];
    table.classList.add("sortable");
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const down = heading.ariaSort === "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.ariaSort = down ? "descending" : "ascending";
        const rows = [...body.rows].map((row) => [key(row, column), row]);
        rows.sort((a, b) => (down ? compare(b[0], a[0]) : compare(a[0], b[0])));
        body.append(...rows.map(([, row]) => row));
      });
    });
  };

  const searchable = (table) => {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 8) return;
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const tools = document.createElement("div");
    const input = document.createElement("input");
    const found = document.createElement("output");
    tools.className = "tools";
    input.type = "search";
    input.placeholder = input.ariaLabel = table.dataset.search;
    input.autocomplete = "off";
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, i) => {
        row.hidden = !words.every((word) => texts[i].includes(word));
        if (!row.hidden) shown++;
      });
      found.textContent = words.length ? `${shown} of ${rows.length}` : "";
    });
    tools.append(input, found);
    table.parentElement.before(tools);
  };

  document.querySelectorAll("table").forEach(named);
  for (const table of document.querySelectorAll("table[data-search]")) {
    sortable(table);
    searchable(table);
  }
})();
