import type { DeploymentResult } from "../deployment";
import type { DeploymentEvent } from "../events";
import type { StackOperation, StartInfo } from "../stack";
import { LiveRenderer } from "./live";
import { PlainRenderer } from "./plain";
import { Rows, type Renderer } from "./rows";
import { diagnosticsSection, outputsSection, resourceDiffs, summarySection } from "./sections";

/** How a run is shown. */
export interface DisplayOptions {
    op: StackOperation;
    dryRun: boolean;
    stack: string;
    /** Show the differences of properties in detail. */
    detailed: boolean;
    write: (text: string) => void;
    /** The terminal written to, if it is one. */
    terminal?: { columns: number; rows: number };
}

/** Shows a run while it goes on. */
export interface Display {
    start(info: StartInfo): void;
    event(event: DeploymentEvent): void;
    end(result: DeploymentResult): void;
    close(): void;
}

const TITLES: Record<StackOperation, [running: string, preview: string]> = {
    up: ["Updating", "Previewing update"],
    preview: ["Updating", "Previewing update"],
    refresh: ["Refreshing", "Previewing refresh"],
    destroy: ["Destroying", "Previewing destroy"],
};

/** A display: rows redrawn in place on a terminal, one line an event elsewhere. */
export function createDisplay(options: DisplayOptions): Display {
    const { write, dryRun, terminal } = options;
    const rows = new Rows({ dryRun, isTerminal: terminal !== undefined });
    const renderer: Renderer =
        terminal === undefined ? new PlainRenderer(rows, write) : new LiveRenderer(rows, write, terminal);
    return {
        start(info) {
            rows.stackName = `${info.project}-${options.stack}`;
            write(`${TITLES[options.op][dryRun ? 1 : 0]} (${options.stack}):\n\n`);
            if (info.recovered) {
                write("The state was completed from the journal of an interrupted run.\n");
            }
            if (info.endedOrphans.length > 0) {
                write(`Processes left by an interrupted run were ended: ${info.endedOrphans.join(", ")}.\n`);
            }
        },
        event(event) {
            const touched = rows.record(event);
            if (touched !== undefined) {
                renderer.update(touched, event);
            }
        },
        end(result) {
            renderer.finish(rows.finish());
            write(
                [
                    options.detailed ? resourceDiffs(rows) : "",
                    diagnosticsSection(rows),
                    outputsSection(result, options.op, dryRun),
                    summarySection(rows, dryRun),
                ].join(""),
            );
        },
        close() {
            renderer.finish([]);
        },
    };
}
