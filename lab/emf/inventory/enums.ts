import { API } from "../rest/description";

/** The constants of an enum of the API description, in the order of their numbers. */
export function enumValues(enumName: string): readonly string[] {
    const values = API.schemas[enumName]?.enum;
    if (!values) throw new Error(`The API description has no enum ${enumName}.`);
    return values;
}
