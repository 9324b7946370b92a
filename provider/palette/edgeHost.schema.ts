import { z } from "zod";
import { PALETTE_CLAIM_KEY } from "./claims";
import { edgeHostUidFault } from "./edgeHostUid";
import { labelValueFault } from "./labels";
import { targetFields } from "./target";

const uid = z.string().superRefine((text, context) => {
    const fault = edgeHostUidFault(text);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

const labels = z.record(z.string(), z.string()).superRefine((given, context) => {
    for (const [key, value] of Object.entries(given)) {
        const message = labelFault(key, value);
        if (message !== undefined) context.addIssue({ code: "custom", message, path: [key] });
    }
});

export const edgeHostInputs = z.object({
    ...targetFields,
    uid: uid.meta({ replaces: true }),
    name: z.string().min(1, "must not be empty").optional(),
    labels: labels.optional(),
    architecture: z.enum(["amd64", "arm64"]).optional(),
    pairingKey: z.string().min(1, "must not be empty").optional(),
    remoteShell: z.boolean().optional(),
    temporaryShellUser: z.boolean().optional(),
    adopt: z.boolean().optional().meta({ control: true }),
    /** No control: it counts when the host is deleted, where only the state is there to tell. */
    force: z.boolean().optional(),
});

export const edgeHostOutputs = z.object({
    /** What stands in the host's labels while it is this row's. */
    claim: z.string(),
});

export type EdgeHostInputs = z.output<typeof edgeHostInputs>;
export type EdgeHostOutputs = z.output<typeof edgeHostOutputs>;

function labelFault(key: string, value: string): string | undefined {
    if (key.trim() === "") return "a key must not be empty";
    if (key === PALETTE_CLAIM_KEY) return `the key ${PALETTE_CLAIM_KEY} is this package's own: leave it out`;
    return labelValueFault(value);
}
