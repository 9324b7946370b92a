import { expect } from "chai";
import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import {
    CustomConfig,
    FleetRoster,
    LocalAccount,
    OsProfile,
    ProvisioningGate,
    Region,
    Site,
} from "../../../provider/emf";
import type { CustomConfigArgs } from "../../../provider/emf/customConfig";
import { customConfig } from "../../../provider/emf/customConfig.handler";
import type { FleetRosterArgs } from "../../../provider/emf/fleetRoster";
import { fleetRoster } from "../../../provider/emf/fleetRoster.handler";
import type { LocalAccountArgs } from "../../../provider/emf/localAccount";
import { localAccount } from "../../../provider/emf/localAccount.handler";
import type { OsProfileArgs } from "../../../provider/emf/osProfile";
import { osProfile } from "../../../provider/emf/osProfile.handler";
import type { osProfileInputs } from "../../../provider/emf/osProfile.schema";
import type { ProvisioningGateArgs } from "../../../provider/emf/provisioningGate";
import { provisioningGate } from "../../../provider/emf/provisioningGate.handler";
import type { RegionArgs } from "../../../provider/emf/region";
import { region } from "../../../provider/emf/region.handler";
import type { SiteArgs } from "../../../provider/emf/site";
import { site } from "../../../provider/emf/site.handler";

type Derived =
    "endpoint" | "projectUid" | "pinnedCertificate" | "configHash" | "pinnedFingerprint" | "removals";
/** What a program may give, from the schema, and from the hand-written interface. */
type FromSchema<S extends z.ZodType> = Plain<Omit<z.input<S>, Derived>>;
type FromArgs<A> = Plain<pulumi.Unwrap<A>>;
type Plain<T> = { [K in keyof T]: T[K] };
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the one way to compare types exactly
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Choices that the public interface takes as any text. */
type Text = "until" | "pending";

/** Checked by the compiler: a field in one and not in the other, or of another type, does not compile. */
const equal: [
    Equal<FromArgs<RegionArgs>, FromSchema<(typeof region)["inputs"]>>,
    Equal<FromArgs<SiteArgs>, FromSchema<(typeof site)["inputs"]>>,
    Equal<FromArgs<LocalAccountArgs>, FromSchema<(typeof localAccount)["inputs"]>>,
    Equal<FromArgs<CustomConfigArgs>, FromSchema<(typeof customConfig)["inputs"]>>,
    Equal<FromArgs<FleetRosterArgs>, FromSchema<(typeof fleetRoster)["inputs"]>>,
    Equal<FromArgs<OsProfileArgs>, FromSchema<typeof osProfileInputs>>,
    Equal<
        Plain<Omit<FromArgs<ProvisioningGateArgs>, Text>>,
        Plain<Omit<FromSchema<(typeof provisioningGate)["inputs"]>, Text>>
    >,
] = [true, true, true, true, true, true, true];

describe("the public arguments of EMF resources", () => {
    it("equal the schemas", () => {
        expect(equal).to.not.include(false);
    });

    it("are declared in the classes under the schema's names", async () => {
        await pulumi.runtime.setMocks({
            call: () => ({}),
            newResource: ({ name }) => ({ id: name, state: {} }),
        });
        const classes = [
            { definition: osProfile, resource: new OsProfile("x", profileArgs()) },
            {
                definition: localAccount,
                resource: new LocalAccount("x", { username: "x", sshKey: "ssh-ed25519 AAAA" }),
            },
            {
                definition: customConfig,
                resource: new CustomConfig("x", { name: "x", config: "#cloud-config" }),
            },
            { definition: fleetRoster, resource: new FleetRoster("x", { devices: {} }) },
            { definition: provisioningGate, resource: new ProvisioningGate("x", { hosts: [] }) },
            { definition: region, resource: new Region("x", { name: "x" }) },
            { definition: site, resource: new Site("x", { name: "x" }) },
        ];
        for (const { definition, resource } of classes) {
            const names = Object.entries(resource).flatMap(([key, value]) =>
                pulumi.Output.isInstance(value) ? [key] : [],
            );
            const schema = [
                ...Object.keys(definition.inputs.shape),
                ...Object.keys(definition.outputs.shape),
            ];
            const own = names.filter((key) => !["id", "urn", "__provider", "__ctx"].includes(key));
            expect(own.sort(), definition.kind).to.deep.equal(schema.sort());
        }
    });
});

function profileArgs(): OsProfileArgs {
    return {
        name: "x",
        imageUrl: "https://x.com/u.img",
        sha256: "a".repeat(64),
        type: "MUTABLE",
        securityFeature: "NONE",
    };
}
