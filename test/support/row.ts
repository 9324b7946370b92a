import { checkInputs } from "../../provider/resource/check";
import type { Context } from "../../provider/resource/context";
import type { AnyResource, State } from "../../provider/resource/definition";
import { diffInputs } from "../../provider/resource/diff";
import { PartialFailure } from "../../provider/resource/errors";
import { formatPath } from "../../provider/resource/problem";

type Values = Record<string, unknown>;

/** One resource as the engine leads it: checked, compared with its state, created, updated, refreshed, deleted. */
export class Row {
    id: string | undefined;
    state: State<Values, Values> | undefined;
    /** A create or update stopped half-way: the next up continues. */
    unfinished = false;

    private readonly definition: AnyResource;

    constructor(definition: unknown) {
        this.definition = definition as AnyResource;
    }

    /** What a run does with these inputs. Problems of the check are thrown, one a line. */
    async up(inputs: Values, context: Context<unknown>): Promise<"created" | "updated" | "same"> {
        const checked = await this.check(inputs, context);
        if (this.id === undefined || !this.state) {
            await this.keeping(checked, () => this.create(checked, context));
            return "created";
        }
        const { changed, replaces } = diffInputs(this.definition, this.state.inputs, checked);
        if (replaces.length > 0) throw new Error(`would be replaced for ${replaces.join(", ")}`);
        if (changed.length === 0 && !this.unfinished) return "same";
        const { id, state } = this;
        await this.keeping(state.inputs, async () => {
            const { outputs } = await this.definition.update(id, state, checked, context);
            this.state = { inputs: checked, outputs: { ...state.outputs, ...outputs } };
        });
        return "updated";
    }

    /** The inputs a preview would show; problems are thrown. */
    async check(inputs: Values, context: Context<unknown>): Promise<Values> {
        const checked = await checkInputs(this.definition, inputs, this.state?.inputs, context);
        if (checked.problems.length > 0) {
            const lines = checked.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
            throw new Error(lines.join("\n"));
        }
        return plain(checked.inputs);
    }

    /** Names of the inputs that are not as they were set. */
    async refresh(context: Context<unknown>): Promise<string[] | "gone"> {
        if (this.id === undefined || !this.state) return [];
        const before = this.state;
        const found = await this.definition.read(this.id, before, context);
        if (!found) {
            this.id = undefined;
            this.state = undefined;
            return "gone";
        }
        this.state = {
            inputs: plain({ ...before.inputs, ...found.inputs }),
            outputs: plain({ ...before.outputs, ...found.outputs }),
        };
        return diffInputs(this.definition, this.state.inputs, before.inputs).changed;
    }

    async delete(context: Context<unknown>): Promise<void> {
        if (this.id === undefined || !this.state) return;
        await this.definition.delete(this.id, this.state, context);
        this.id = undefined;
        this.state = undefined;
    }

    private async create(checked: Values, context: Context<unknown>): Promise<void> {
        const made = await this.definition.create(checked, context);
        this.id = made.id;
        this.state = { inputs: plain({ ...checked, ...made.inputs }), outputs: plain(made.outputs) };
    }

    private async keeping(inputs: Values, body: () => Promise<void>): Promise<void> {
        try {
            await body();
            this.unfinished = false;
        } catch (error) {
            if (!(error instanceof PartialFailure)) throw error;
            this.id = error.reached.id ?? this.id;
            this.state = {
                inputs: plain({ ...inputs, ...(error.reached.inputs as Values | undefined) }),
                outputs: plain({ ...this.state?.outputs, ...(error.reached.outputs as Values | undefined) }),
            };
            this.unfinished = true;
            throw error;
        }
    }
}

/** The state is JSON: undefined is gone after it. */
function plain(values: Values): Values {
    return JSON.parse(JSON.stringify(values)) as Values;
}
