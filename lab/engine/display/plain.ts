import type { DeploymentEvent } from "../events";
import type { Renderer, Row, Rows } from "./rows";

/** One line for each thing that happens: for logs and pipes. */
export class PlainRenderer implements Renderer {
    private readonly last = new Map<Row, string>();

    constructor(
        private readonly rows: Rows,
        private readonly write: (text: string) => void,
    ) {}

    update(row: Row, event: DeploymentEvent): void {
        if (row.visible && isWorthALine(event)) {
            this.line(row);
        }
    }

    finish(unfinished: readonly Row[]): void {
        for (const row of unfinished) {
            this.line(row);
        }
    }

    private line(row: Row): void {
        const { prefix, type, name, status, info } = this.rows.columns(row);
        const text = ` ${prefix} ${[type, name, status, info].join(" ").trimEnd()}\n`;
        if (this.last.get(row) !== text) {
            this.last.set(row, text);
            this.write(text);
        }
    }
}

/** In a preview, and for a component, the end of a step says nothing that its beginning has not said. */
function isWorthALine(event: DeploymentEvent): boolean {
    if (event.kind !== "outputs") {
        return true;
    }
    const { step } = event;
    const isRefresh = step.old !== undefined && step.old === step.new;
    return isRefresh || (!event.planning && (step.new ?? step.old)?.custom === true && step.op !== "same");
}
