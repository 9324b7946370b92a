import { expect } from "chai";
import type * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type {
    EdgeHostArgs,
    HostGateArgs,
    RegistrationTokenArgs,
    SiteIsoArgs,
} from "../../../provider/palette";
import type { edgeHost } from "../../../provider/palette/edgeHost.handler";
import type { hostGate } from "../../../provider/palette/hostGate.handler";
import type { registrationToken } from "../../../provider/palette/registrationToken.handler";
import type { siteIso } from "../../../provider/palette/siteIso.handler";

/** What the check adds. */
type Derived = "endpoint" | "projectUid";
type DerivedOfToken = Derived | "project" | "issuedAt" | "expiresAt";
/** What a program may give, from the schema, and from the hand-written interface. */
type FromSchema<S extends z.ZodType, D extends string = Derived> = Plain<Omit<z.input<S>, D>>;
type FromArgs<A> = Plain<pulumi.Unwrap<A>>;
type Plain<T> = { [K in keyof T]: T[K] extends string | undefined ? Text<T[K]> : T[K] };
/** A closed set of words is a text for the program: outputs of other resources must fit. */
type Text<T> = T extends string ? string : T;
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the one way to compare types exactly
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Checked by the compiler: a field in one and not in the other, or of another type, does not compile. */
const equal: [
    Equal<FromArgs<EdgeHostArgs>, FromSchema<(typeof edgeHost)["inputs"]>>,
    Equal<FromArgs<HostGateArgs>, FromSchema<(typeof hostGate)["inputs"]>>,
    Equal<FromArgs<RegistrationTokenArgs>, FromSchema<(typeof registrationToken)["inputs"], DerivedOfToken>>,
    Equal<FromArgs<SiteIsoArgs>, FromSchema<(typeof siteIso)["inputs"], "sha256">>,
] = [true, true, true, true];

describe("the public arguments of Palette resources", () => {
    it("equal the schemas", () => {
        expect(equal).to.not.include(false);
    });
});
