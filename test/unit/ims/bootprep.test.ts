import Ajv2020 from "ajv/dist/2020";
import { expect } from "chai";
import * as fc from "fast-check";
import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "yaml";
import { YamlFile } from "../../../provider/ims/bootprep/document";
import { readImages } from "../../../provider/ims/bootprep/images";
import { planImages, type PlanOptions } from "../../../provider/ims/bootprep/plan";

const ID = "8a9d2f0e-1111-4222-8333-444455556666";
const NOTHING: PlanOptions = { variables: {}, configurations: [], images: {} };

/** Problems as `line path message`. */
function problems(text: string, options: Partial<PlanOptions> = {}): string[] {
    return planImages(text, { ...NOTHING, ...options }).problems.map(
        ({ line, path: place, message }) => `${line} ${place} ${message}`,
    );
}

function images(text: string, options: Partial<PlanOptions> = {}): object[] {
    const plan = planImages(text, { ...NOTHING, ...options });
    expect(plan.problems).to.deep.equal([]);
    return plan.images;
}

describe("the images of a file for sat bootprep", () => {
    it("come after the images they are made of, in whatever order they stand", () => {
        const text = `
schema_version: 1.0.9
configurations: [{ name: kept as it is }]
images:
- name: top
  ref_name: top
  base: { image_ref: middle }
  configuration: site
  configuration_group_names: [Compute, Application_UAN]
- { name: middle, ref_name: middle, base: { image_ref: bottom }, configuration: site, configuration_group_names: [] }
- name: "{{base.name}}-{{ default.suffix }}"
  ref_name: bottom
  description: of no consequence
  base: { ims: { name: cos, type: image } }
  configuration: "{{ default.configuration }}"
  configuration_group_names: [Compute]
  if_exists: overwrite
session_templates: []
`;
        const options = {
            configurations: ["site"],
            variables: { default: { suffix: 24.11, configuration: "site" } },
        };
        expect(images(text, options)).to.deep.equal([
            {
                ...{ key: "bottom", name: "cos-24.11", configuration: "site", groups: ["Compute"] },
                isChanged: true,
                base: { kind: "image", name: "cos" },
            },
            {
                ...{ key: "middle", name: "middle", configuration: "site", groups: [], isChanged: true },
                base: { kind: "ref", key: "bottom" },
            },
            {
                ...{ key: "top", name: "top", configuration: "site", groups: ["Compute", "Application_UAN"] },
                isChanged: true,
                base: { kind: "ref", key: "middle" },
            },
        ]);
    });

    it("have the name of their base where it is another image of the file", () => {
        const text = `
images:
- { name: "{{ base.name }}-top", ref_name: top, base: { image_ref: bottom } }
- { name: bottom, ref_name: bottom, base: { ims: { id: ${ID}, type: image } } }
`;
        const given = { base: false, steps: true };
        const planned = images(text, { images: { top: given, bottom: given } });
        expect(planned.map((image) => (image as { name: string }).name)).to.deep.equal([
            "bottom",
            "bottom-top",
        ]);
    });

    it("may be in the form of older files, and with anchors and merged maps", () => {
        const text = `
images:
- { name: old, ims: { is_recipe: no, name: cos } }
- &common
  name: first
  base: &base { ims: { id: ${ID}, type: image } }
- { <<: *common, name: second, base: *base }
`;
        const given = { base: false, steps: true };
        const planned = images(text, { images: { old: given, first: given, second: given } });
        expect(planned).to.deep.equal([
            { key: "old", name: "old", groups: [], isChanged: true, base: { kind: "image", name: "cos" } },
            { key: "first", name: "first", groups: [], isChanged: true, base: { kind: "image", id: ID } },
            { key: "second", name: "second", groups: [], isChanged: true, base: { kind: "image", id: ID } },
        ]);
    });

    it("may have a base that the program names, whatever the file looks up", () => {
        const text = `
images:
- { name: a, base: { product: { name: cos, type: recipe, version: "{{ cos.version }}" } } }
- { name: b, base: { ims: { name: cos, type: recipe } } }
`;
        const given = { base: true, steps: true };
        expect(images(text, { images: { a: given, b: given } })).to.deep.equal([
            { key: "a", name: "a", groups: [], isChanged: true, base: { kind: "given" } },
            { key: "b", name: "b", groups: [], isChanged: true, base: { kind: "given" } },
        ]);
    });

    it("may be built from recipes, and changed then or not", () => {
        const text = `
images:
- { name: built, base: { ims: { name: cos-recipe, type: recipe } } }
- { name: changed, base: { ims: { id: ${ID}, type: recipe } }, configuration: c, configuration_group_names: [] }
`;
        expect(images(text, { configurations: ["c"] })).to.deep.equal([
            {
                ...{ key: "built", name: "built", groups: [], isChanged: false },
                base: { kind: "recipe", name: "cos-recipe" },
            },
            {
                ...{ key: "changed", name: "changed", groups: [], isChanged: true, configuration: "c" },
                base: { kind: "recipe", id: ID },
            },
        ]);
    });

    it("are none where the file has none", () => {
        expect(images("schema_version: 1.0.2\n")).to.deep.equal([]);
    });

    it("are told with everything that is in the way, by line", () => {
        const text = `schema_version: 1.1.0
images:
- name: "compute-{{ default.sufix }}"
  base:
    product: { name: cos, type: image, version: "{{ cos.version }}" }
  configuration: compute-config
  configuration_group_names: ["{{ group }}"]
- name: "{% if arm %}arm{% endif %}"
  base: { ims: { name: a-recipe, type: recipe } }
- name: "true"
  base: { image_ref: uann }
- name: uan
  ref_name: uan
  base: { ims: { id: uan-id, type: image } }
  if_exists: skip
- name: uan
  ref_name: uan
  base: { ims: { name: uan, type: image } }
- name: "{{ site | upper }}"
  base: { ims: { id: ${ID}, type: image } }
`;
        const told = problems(text, { images: { "uan-2": { base: false, steps: true } } });
        const expected = [
            "1 schema_version is newer than 1.0.9",
            '1 images none is called "uan-2", as the program\'s options say: did you mean uan?',
            "3 images[0].name has {{ default.sufix }}, which is not among the variables given",
            "5 images[0].base.product is looked up in the product catalog",
            '6 images[0].configuration "compute-config" is a configuration of CFS',
            "7 images[0].configuration_group_names[0] must be plain text",
            "8 images[1].name has a statement of Jinja",
            '10 images[2].name "true" must not be a word that YAML takes for a value',
            '11 images[2].base.image_ref no image of this file has the ref_name "uann": did you mean uan?',
            "10 images[2] has no configuration",
            "12 images[3] has no configuration",
            "14 images[3].base.ims.id is not an id of IMS",
            "15 images[3].if_exists skip cannot be done",
            "16 images[4].name is also that of the image on line 12",
            "17 images[4].ref_name is also that of the image on line 12",
            "18 images[4].base.ims.name is the image of line 12",
            "19 images[5] has no configuration",
            "19 images[5].name has {{ site | upper }}: of Jinja only variables are replaced",
        ];
        for (const start of expected) {
            expect(
                told.some((line) => line.startsWith(start)),
                `${start}\nin\n${told.join("\n")}`,
            ).to.equal(true);
        }
        expect(told.map((line) => line.split(" ", 2)[0])).to.deep.equal(
            [...told.map((line) => line.split(" ", 2)[0])].sort((a, b) => Number(a) - Number(b)),
        );
    });

    it("are told when one is its own base, once", () => {
        const text = `
images:
- { name: a, ref_name: a, base: { image_ref: c } }
- { name: b, ref_name: b, base: { image_ref: a } }
- { name: c, ref_name: c, base: { image_ref: b } }
- { name: d, ref_name: d, base: { image_ref: a } }
`;
        const given = { base: false, steps: true };
        const options = { images: { a: given, b: given, c: given, d: given } };
        expect(problems(text, options)).to.deep.equal([
            "3 images[0].base.image_ref leads back to the image itself: a -> c -> b -> a",
        ]);
    });

    for (const [title, text, told] of [
        ["is no YAML", "images: [\n", "is not valid YAML"],
        ["has a key twice", "images: []\nimages: []\n", "2  a key is given twice"],
        ["is empty", "", "1  must be a map"],
        ["has an unknown section", "image: []\n", "1 image is not known: did you mean images?"],
        ["has a number for a name", `images: [{ name: 24.11, base: { image_ref: a } }]`, "put it in quotes"],
        [
            "filters by nothing",
            `images: [{ name: a, base: { product: { name: p, type: image, filter: { arch: "" } } } }]`,
            "1 images[0].base.product.filter.arch must not be empty",
        ],
        ["has no base", `images: [{ name: a }]`, "1 images[0] needs base"],
        [
            "has a base of two kinds",
            `images: [{ name: a, base: { image_ref: a, ims: {} } }]`,
            "must have one of",
        ],
        [
            "has a configuration without groups",
            `images: [{ name: a, base: { image_ref: a }, configuration: c }]`,
            "needs configuration_group_names",
        ],
        [
            "names its schema as a number",
            "schema_version: 1.0\n",
            "1 schema_version must be text: put it in quotes",
        ],
    ] as const) {
        it(`are told when the file ${title}`, () => {
            expect(problems(text).join("\n")).to.include(told);
        });
    }

    it("are read as the schema says: what it takes and what it refuses is the same", function () {
        this.timeout(30_000);
        const schema = fs.readFileSync(
            path.resolve(__dirname, "../../contract/data/ims/sat-bootprep-schema.yaml"),
            "utf8",
        );
        const ajv = new Ajv2020({ strict: false });
        const fitsSchema = ajv.compile(yaml.parse(schema) as object);
        const verdicts = { fits: 0, refused: 0 };
        fc.assert(
            fc.property(fc.record({ images: fc.array(IMAGE, { maxLength: 2 }) }), (document) => {
                const file = new YamlFile(yaml.stringify(document, { version: "1.1" }));
                readImages(file);
                const fits = fitsSchema(document);
                verdicts[fits ? "fits" : "refused"]++;
                expect(file.problems.length === 0, JSON.stringify([document, file.problems])).to.equal(fits);
            }),
            { numRuns: 1500 },
        );
        expect(Math.min(verdicts.fits, verdicts.refused)).to.be.greaterThan(150);
    });
});

/** Mostly what the schema takes, with something else now and then. */
const TEXT = oneMostly(
    fc.constantFrom("a", "b", "", "{{ x.y }}", "yes", "1"),
    fc.constantFrom(1, true, null, {}, []),
);
const TYPE = oneMostly(fc.constantFrom("recipe", "image"), TEXT);
const FLAG = oneMostly(fc.boolean(), TEXT);

const IMS = withStray({ name: TEXT, id: TEXT, type: TYPE }, ["name", "type"], { id: 0.3 });
const OLD_IMS = withStray({ name: TEXT, id: TEXT, is_recipe: FLAG }, ["name", "is_recipe"], { id: 0.3 });
const FILTER = withStray({ prefix: TEXT, wildcard: TEXT, arch: TEXT }, [], {
    prefix: 0.5,
    wildcard: 0.3,
    arch: 0.3,
});
const PRODUCT = withStray({ name: TEXT, type: TYPE, version: TEXT, filter: FILTER }, ["name", "type"], {
    version: 0.5,
    filter: 0.5,
});
const BASE = oneMostly(
    fc.oneof(
        fc.record({ ims: IMS }),
        fc.record({ product: PRODUCT }),
        fc.record({ image_ref: TEXT }),
        fc.record({ image_ref: TEXT, ims: IMS }),
    ),
    TEXT,
);
const IMAGE = oneMostly(
    withStray(
        {
            ...{
                name: TEXT,
                ref_name: TEXT,
                description: TEXT,
                base: BASE,
                ims: OLD_IMS,
                configuration: TEXT,
            },
            configuration_group_names: oneMostly(fc.array(TEXT, { maxLength: 2 }), TEXT),
            if_exists: oneMostly(fc.constantFrom("skip", "overwrite", "abort"), TEXT),
        },
        ["name"],
        {
            base: 0.7,
            ims: 0.25,
            ref_name: 0.3,
            configuration: 0.3,
            configuration_group_names: 0.5,
            if_exists: 0.3,
        },
    ),
    TEXT,
);

function oneMostly<A, B>(usual: fc.Arbitrary<A>, stray: fc.Arbitrary<B>): fc.Arbitrary<A | B> {
    return fc.oneof({ arbitrary: usual, weight: 30 }, { arbitrary: stray, weight: 1 });
}

/** A map with some of the fields, and rarely with one too few or too many. */
function withStray(
    fields: Record<string, fc.Arbitrary<unknown>>,
    usual: readonly string[],
    chances: Readonly<Record<string, number>>,
): fc.Arbitrary<object> {
    const parts = Object.entries(fields).map(([name, field]) => {
        const chance = usual.includes(name) ? 0.97 : (chances[name] ?? 0.1);
        const isThere = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value < chance);
        return fc
            .tuple(isThere, field)
            .map(([is, value]): [string, unknown][] => (is ? [[name, value]] : []));
    });
    const stray = fc
        .integer({ min: 0, max: 40 })
        .map((value): [string, unknown][] => (value === 0 ? [["stray", 1]] : []));
    return fc.tuple(...parts, stray).map((entries) => Object.fromEntries(entries.flat()) as object);
}
