import { expect } from "chai";
import type * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type {
    CustomizedImageArgs,
    ImportedImageArgs,
    PublicKeyArgs,
    RecipeImageArgs,
} from "../../../provider/ims";
import type { customizedImage } from "../../../provider/ims/customizedImage.handler";
import type { importedImage } from "../../../provider/ims/importedImage.handler";
import type { publicKey } from "../../../provider/ims/publicKey.handler";
import type { recipeImage } from "../../../provider/ims/recipeImage.handler";

/** What the check adds. */
type Derived = "endpoint" | "filesHash" | "baseImageId" | "baseEtag" | "recipeId" | "recipeContent";
/** What a program may give, from the schema, and from the hand-written interface. */
type FromSchema<S extends z.ZodType> = Plain<Omit<z.input<S>, Derived>>;
type FromArgs<A> = Plain<pulumi.Unwrap<A>>;
type Plain<T> = { [K in keyof T]: T[K] };
/** The variables of a play may be of any form: in the interface they are unknown, in the schema what JSON has. */
type Open<T> = T extends string | number | boolean
    ? T
    : { [K in keyof T]: K extends "variables" ? Record<string, unknown> | undefined : Open<T[K]> };
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the one way to compare types exactly
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Checked by the compiler: a field in one and not in the other, or of another type, does not compile. */
const equal: [
    Equal<Open<FromArgs<CustomizedImageArgs>>, Open<FromSchema<(typeof customizedImage)["inputs"]>>>,
    Equal<FromArgs<ImportedImageArgs>, FromSchema<(typeof importedImage)["inputs"]>>,
    Equal<FromArgs<PublicKeyArgs>, FromSchema<(typeof publicKey)["inputs"]>>,
    Equal<FromArgs<RecipeImageArgs>, FromSchema<(typeof recipeImage)["inputs"]>>,
] = [true, true, true, true];

describe("the public arguments of IMS resources", () => {
    it("equal the schemas", () => {
        expect(equal).to.not.include(false);
    });
});
