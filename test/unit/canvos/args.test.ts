import { expect } from "chai";
import type * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type {
    ApplianceImageArgs,
    ApplianceSmokeTest,
    ApplianceVerification,
    CanvosCheckout,
    CanvosRepository,
} from "../../../provider/canvos";
import type { applianceInputs } from "../../../provider/canvos/applianceImage.schema";
import type { smokeTestOptions } from "../../../provider/canvos/smokeTest.schema";
import type { FolderSource, GitSource } from "../../../provider/canvos/source";
import type { verification } from "../../../provider/canvos/verify.schema";

/** What the check adds. */
type Derived =
    | "commit"
    | "baseImage"
    | "inputHash"
    | "references"
    | "systemUri"
    | "profileValues"
    | "intact"
    | "pulledImages"
    | "firmware"
    | "isoIntact"
    | "generation";
/** Compared by parts of their own, or with rules that no type tells. */
type Apart = "source" | "arguments" | "userData" | "verify" | "smokeTest" | "publish";
type FromSchema = Plain<Omit<z.input<typeof applianceInputs>, Derived | Apart>>;
type FromArgs = Plain<Omit<pulumi.Unwrap<ApplianceImageArgs>, Apart>>;
type Plain<T> = { [K in keyof T]: T[K] };
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the one way to compare types exactly
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Checked by the compiler: a field in one and not in the other, or of another type, does not compile. */
const equal: [
    Equal<FromArgs, FromSchema>,
    Equal<Plain<pulumi.Unwrap<CanvosRepository>>, Plain<GitSource>>,
    Equal<Plain<pulumi.Unwrap<CanvosCheckout>>, Plain<FolderSource>>,
    Equal<keyof ApplianceSmokeTest, keyof z.input<typeof smokeTestOptions>>,
    Equal<keyof ApplianceVerification, keyof z.input<typeof verification>>,
    Equal<keyof ApplianceImageArgs, Exclude<keyof z.input<typeof applianceInputs>, Derived>>,
] = [true, true, true, true, true, true];

describe("the public arguments of an ApplianceImage", () => {
    it("equal the schema", () => {
        expect(equal).to.not.include(false);
    });
});
