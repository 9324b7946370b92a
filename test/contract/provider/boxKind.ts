import * as fs from "node:fs";
import * as path from "node:path";
import { z } from "zod";
import { DynamicAdapter } from "../../../provider/pulumi/adapter";
import { ProcessHost, type ConfigureRequest } from "../../../provider/pulumi/host";
import { defineResource, type System } from "../../../provider/resource/definition";
import { isKnown, UNKNOWN, type Unknown } from "../../../provider/resource/unknown";
import { EdgeError, PartialFailure, UnavailableHere } from "../../../provider/resource/errors";

/** A kind for testing the adapter alone: its "system" is a folder with one file for each box. */
interface Shelf {
    folder: string;
    size: string;
}

const shelves: System<Shelf> = {
    name: "shelf",
    target: ["shelf"],
    connect: (target, host) => {
        const folder = host.env.BOX_FOLDER;
        if (!folder) throw new UnavailableHere("there is no shelf: set BOX_FOLDER");
        return {
            folder: path.join(folder, typeof target.shelf === "string" ? target.shelf : ""),
            size: host.config("edge-os:shelf") ?? "none",
        };
    },
};

export const box = defineResource({
    kind: "test.Box",
    system: shelves,
    version: 2,
    inputs: z.object({
        name: z.string().min(2, "must have at least 2 characters").meta({ replaces: true }),
        shelf: z.string().optional(),
        colour: z.enum(["red", "blue"]).default("red"),
        tags: z.record(z.string(), z.string()).optional(),
        items: z.array(z.object({ weight: z.number().positive("must be > 0") })).optional(),
        /** Makes the verbs misbehave. */
        act: z.string().optional(),
        label: z.string().optional().meta({ derived: true }),
    }),
    outputs: z.object({ content: z.string().optional(), shelfSize: z.string(), note: z.string().optional() }),

    async check(inputs, context) {
        if (inputs.act === "forbidden") {
            return {
                problems: [
                    { path: ["act"], message: `is "${inputs.act}", which is not allowed` },
                    { path: [], message: "colour and act do not go together" },
                ],
            };
        }
        const seen = await context.ifAvailable(async () => context.client.size, "unseen");
        const label: string | Unknown = isKnown(inputs.name) ? `${inputs.name}/${seen}` : UNKNOWN;
        return { values: { label } };
    },
    async create(inputs, context) {
        if (inputs.act === "throw") throw new EdgeError("the shelf is full");
        const file = fileOf(context.client, inputs.name);
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, inputs.colour);
        context.progress("1/2 folding");
        if (inputs.act === "half") {
            throw new PartialFailure(["the lid is missing"], {
                id: inputs.name,
                outputs: { note: "no lid" },
            });
        }
        if (inputs.act === "wait") await context.sleep(60_000);
        context.progress("2/2 folded");
        return { id: inputs.name, outputs: { content: undefined, shelfSize: context.client.size } };
    },
    async read(id, _state, context) {
        const file = fileOf(context.client, id);
        if (!fs.existsSync(file)) return undefined;
        return { inputs: { colour: fs.readFileSync(file, "utf8") as "red" } };
    },
    async update(id, _state, inputs, context) {
        if (inputs.act === "throw") throw new EdgeError("the shelf is locked");
        fs.writeFileSync(fileOf(context.client, id), inputs.colour);
        return { outputs: { content: "updated" } };
    },
    async delete(id, _state, context) {
        fs.rmSync(fileOf(context.client, id), { force: true });
    },
    upgrade: (properties) => {
        const { color, ...rest } = properties;
        return color === undefined ? rest : { ...rest, colour: color };
    },
});

function fileOf(shelf: Shelf, name: string): string {
    return path.join(shelf.folder, name);
}

let host: ProcessHost | undefined;

/** What the stock host loads, in the place of `pulumi-edge-os/provider-runtime`. */
export function provider(): DynamicAdapter {
    if (!host) {
        host = new ProcessHost();
        host.cancellation.install();
    }
    return new SlowToConfigure("test.Box", () => box, host);
}

/** The real configure is quick; a slow one shows whether a second first call overtakes it. */
class SlowToConfigure extends DynamicAdapter {
    override async configure(request: ConfigureRequest): Promise<void> {
        await super.configure(request);
        await new Promise((resolve) => setImmediate(resolve));
    }
}
