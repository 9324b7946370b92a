import * as path from "node:path";
import { startLab, type Lab } from "../../lab";
import { describeAppliance } from "../../lab/description";
import { DEBIAN_CACHE } from "./debianPackages";
import { stackUnderTest, type StackUnderTest } from "./stack";

const EXAMPLE = path.resolve(__dirname, "../../examples/edge-appliance");

/** The example edge-appliance, with what it is built with; both are the caller's to end. */
export async function edgeAppliance(): Promise<{ lab: Lab; stack: StackUnderTest }> {
    const lab = await startLab({ emf: false, images: false, canvos: true, debianPackages: DEBIAN_CACHE });
    const stack = stackUnderTest({
        program: { dir: EXAMPLE },
        config: { "edge-os:canvos": lab.canvos.settings, appliance: describeAppliance(lab.canvos) },
        env: { EDGE_OS_CANVOS_LEAST_DISK_GB: "0", PULUMI_NODEJS_TRANSPILE_ONLY: "true" },
    });
    return { lab, stack };
}
