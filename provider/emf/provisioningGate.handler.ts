import { z } from "zod";
import { gateFailure, gateVerbs, namedOnce } from "../gate/gate";
import type { Context } from "../resource/context";
import { isKnown } from "../resource/unknown";
import type { EmfClient } from "./client";
import { errorFile, keepErrorFile } from "./errorFile";
import { targetFields } from "./fields";
import { GateWatch } from "./gateWatch";
import { PHASES } from "./hostStanding";
import { HostVerification } from "./hostVerification";
import { emf } from "./system";
import { defineEmfResource } from "./target";
import { checkVerification, verification } from "./verification.schema";

const gateHost = z.object({
    label: z.string(),
    hostId: z.string().regex(/^host-[0-9a-f]{8}$/, "must be an id such as host-1a2b3c4d"),
    /** Not looked at: another instance is another installation to wait for. */
    instanceId: z.string().optional(),
});

const inputs = z.object({
    ...targetFields,
    hosts: z.array(gateHost).superRefine(namedOnce(({ label }) => label)),
    until: z.enum(PHASES).default("running"),
    maxFailed: z.int().min(0).default(0),
    pending: z.enum(["skip", "wait"]).default("skip"),
    onTimeout: z.enum(["fail", "warn"]).default("fail").meta({ control: true }),
    verify: verification.optional(),
    errorFile: errorFile.optional().meta({ control: true }),
});

type Inputs = z.output<typeof inputs>;

/** Waits for many hosts in one row, so that no host holds one of the engine's few slots while it installs itself. */
export const provisioningGate = defineEmfResource({
    kind: "emf.ProvisioningGate",
    system: emf,
    inputs,
    ...gateVerbs(waitForHosts),

    async check({ verify, until, connection }, context) {
        if (!isKnown(verify) || verify === undefined) return {};
        const problems = checkVerification(verify, context, isKnown(connection) ? connection : undefined);
        if (isKnown(until) && until !== "running") {
            const message = `needs until: "running": hosts that are only ${until} cannot be looked at`;
            problems.unshift({ path: ["verify"], message });
        }
        return { problems };
    },

    async delete(_id, { inputs }, { projectDir }) {
        keepErrorFile(inputs.errorFile, new Map(), projectDir);
    },
});

async function waitForHosts(id: string, inputs: Inputs, context: Context<EmfClient>): Promise<void> {
    const watch = new GateWatch(inputs, context);
    try {
        const { verify } = inputs;
        // First, so that a missing key is told before anybody waits for hours.
        await using looks = verify && new HostVerification(verify, context, inputs.connection);
        await watch.untilSettled();
        if (looks) await watch.verifyWith(looks);
        watch.sayWhatIsLeft();
    } catch (error) {
        const written = keepErrorFile(inputs.errorFile, watch.failures("unready"), context.projectDir);
        throw gateFailure(id, error, [...watch.report(), ...written], context);
    }
    const written = keepErrorFile(inputs.errorFile, watch.failures("failed"), context.projectDir);
    if (written.length > 0) context.log.warn(written.join("\n"));
}
