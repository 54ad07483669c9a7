/**
 * Prints `buf/validate/validate.proto` from the descriptor that protovalidate ships.
 *
 * Our protos import that file to state their rules, yet no npm package carries its text. The package does carry the
 * compiled descriptor, so we print it back as proto2. Comments and the options of its elements are left out: generated
 * TypeScript imports the package's own file (see `rewrite_imports` in buf.gen.yaml), this text only has to let compilers
 * resolve names, numbers and types. The options of the file say where other languages have its code.
 */
import type { DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileOptions } from '@bufbuild/protobuf/wkt';
import { FieldDescriptorProto_Label as Label, FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt';
import { file_buf_validate_validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

/** `optional string id = 1;`, or without its label inside a oneof. */
function printField(field: FieldDescriptorProto, insideOneof: boolean): string {
  const type = field.typeName === '' ? Type[field.type].toLowerCase() : field.typeName;
  const label = insideOneof ? '' : `${Label[field.label].toLowerCase()} `;
  return `${label}${type} ${field.name} = ${field.number};`;
}

function printEnum(type: EnumDescriptorProto): string[] {
  return [`enum ${type.name} {`, ...type.value.map((value) => `  ${value.name} = ${value.number};`), '}'];
}

function printMessage(type: DescriptorProto): string[] {
  // The printer knows exactly what today's file needs. A newer protovalidate that nests types must fail here, not print
  // half a file.
  if (type.nestedType.length + type.enumType.length + type.extension.length > 0) {
    throw new Error(`message ${type.name} declares nested types, which this printer does not know`);
  }
  const plain = type.field.filter((field) => !Object.hasOwn(field, 'oneofIndex'));
  const oneofs = type.oneofDecl.flatMap((oneof, index) => [
    `  oneof ${oneof.name} {`,
    ...type.field
      .filter((field) => Object.hasOwn(field, 'oneofIndex') && field.oneofIndex === index)
      .map((field) => `    ${printField(field, true)}`),
    '  }',
  ]);
  const extensible = type.extensionRange.map((range) => `  extensions ${range.start} to ${range.end - 1};`);
  return [
    `message ${type.name} {`,
    ...plain.map((field) => `  ${printField(field, false)}`),
    ...oneofs,
    ...extensible,
    '}',
  ];
}

function printFileOptions({ goPackage, javaPackage, javaOuterClassname, javaMultipleFiles }: FileOptions): string[] {
  return [
    `option go_package = ${JSON.stringify(goPackage)};`,
    `option java_package = ${JSON.stringify(javaPackage)};`,
    `option java_outer_classname = ${JSON.stringify(javaOuterClassname)};`,
    `option java_multiple_files = ${javaMultipleFiles};`,
  ];
}

/** The whole file as proto2 text. */
export function printValidateProto(): string {
  const file = file_buf_validate_validate.proto;
  return [
    'syntax = "proto2";',
    `package ${file.package};`,
    ...file.dependency.map((dependency) => `import "${dependency}";`),
    ...(file.options === undefined ? [] : printFileOptions(file.options)),
    ...file.extension.flatMap((extension) => [
      `extend ${extension.extendee} {`,
      `  ${printField(extension, false)}`,
      '}',
    ]),
    ...file.enumType.flatMap(printEnum),
    ...file.messageType.flatMap(printMessage),
    '',
  ].join('\n');
}
