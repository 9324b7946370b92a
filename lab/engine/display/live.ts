import type { Columns, Renderer, Row, Rows } from "./rows";

const FRAME_MILLISECONDS = 100;
const CLEAR_BELOW = "\u001b[0J";
const DOTS = ["", ".", "..", "..."];

interface Node {
    row: Row;
    children: Node[];
}

/** A table of all rows, redrawn in place. */
export class LiveRenderer implements Renderer {
    private drawnLines = 0;
    private frame: NodeJS.Timeout | undefined;
    private readonly ticker: NodeJS.Timeout;
    private ticks = 0;
    private finished = false;

    constructor(
        private readonly rows: Rows,
        private readonly write: (text: string) => void,
        private readonly terminal: { columns: number; rows: number },
    ) {
        // Elapsed times go on when nothing happens.
        this.ticker = setInterval(() => {
            this.ticks++;
            this.draw();
        }, 1000);
        this.ticker.unref();
    }

    update(): void {
        this.frame ??= setTimeout(() => this.draw(), FRAME_MILLISECONDS);
    }

    finish(): void {
        if (!this.finished) {
            this.finished = true;
            clearInterval(this.ticker);
            if (this.rows.all().length > 0) {
                this.draw();
                this.write("\n");
            }
        }
    }

    private draw(): void {
        clearTimeout(this.frame);
        this.frame = undefined;
        // While it runs, only what fits can be drawn over again; at the end all rows are shown.
        const room = this.rows.isDone ? Infinity : Math.max(3, this.terminal.rows - 2);
        const lines = tableLines(this.rows, DOTS[this.ticks % DOTS.length] ?? "");
        const [header = "", ...body] = lines.map((line) => line.slice(0, this.terminal.columns).trimEnd());
        const shown = [header, ...(body.length > room ? body.slice(-room) : body)];
        const up = this.drawnLines > 0 ? `\u001b[${this.drawnLines}A\r` : "";
        this.write(`${up}${CLEAR_BELOW}${shown.map((line) => `${line}\n`).join("")}`);
        this.drawnLines = shown.length;
    }
}

const HEADER: Columns = { prefix: "  ", type: "Type", name: "Name", status: "Status", info: "Info" };

/** The rows as a table, children below their parents. */
export function tableLines(rows: Rows, dots: string): string[] {
    const table = flatten(treeOf(rows), "", true).map(({ row, indent }) => {
        const columns = rows.columns(row);
        const running = !rows.isDone && columns.status !== "" && !row.ended.has(row.step.op);
        return { ...columns, type: indent + columns.type, status: columns.status + (running ? dots : "") };
    });
    const header = { ...HEADER, status: rows.isPreview ? "Plan" : HEADER.status };
    if (table.every(({ info }) => info === "")) {
        header.info = "";
    }
    const all = [header, ...table];
    const width = (column: keyof Columns): number => Math.max(...all.map((line) => line[column].length));
    const [type, name, status] = [width("type"), width("name"), Math.max(width("status"), 8)];
    return all.map(
        (line) =>
            ` ${line.prefix}  ${line.type.padEnd(type)}  ${line.name.padEnd(name)}  ${line.status.padEnd(status)}  ${line.info}`,
    );
}

/** The visible rows, and those above them, as a tree below the stack's. */
function treeOf(rows: Rows): Node[] {
    const root: Node = { row: rows.stackRow(), children: [] };
    const nodes = new Map<string, Node>([[root.row.urn, root]]);
    const nodeOf = (row: Row): Node => {
        let node = nodes.get(row.urn);
        if (node === undefined) {
            node = { row, children: [] };
            nodes.set(row.urn, node);
            const parent = rows.get(row.parent);
            (parent === undefined || parent === row ? root : nodeOf(parent)).children.push(node);
        }
        return node;
    };
    for (const row of rows.all()) {
        if (row.visible) {
            nodeOf(row);
        }
    }
    return [root];
}

function flatten(nodes: Node[], indent: string, isRoot: boolean): { row: Row; indent: string }[] {
    return nodes.flatMap((node, index) => {
        const isLast = index === nodes.length - 1;
        const [branch, below] = isRoot ? ["", ""] : isLast ? ["└─ ", "   "] : ["├─ ", "│  "];
        return [{ row: node.row, indent: indent + branch }, ...flatten(node.children, indent + below, false)];
    });
}
