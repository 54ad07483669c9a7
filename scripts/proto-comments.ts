/** What a proto says in the comment above an element. Only descriptors with source code info have it. */
import type {
  DescEnum,
  DescEnumValue,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescService,
} from '@bufbuild/protobuf';

type Commented = DescService | DescMethod | DescMessage | DescField | DescEnum | DescEnumValue;

/** With the breaks of its lines; empty where there is none. */
export function commentOf(element: Commented): string {
  return commentsOf(fileOf(element)).get(pathOf(element).join('.')) ?? '';
}

const known = new WeakMap<DescFile, ReadonlyMap<string, string>>();

function commentsOf(file: DescFile): ReadonlyMap<string, string> {
  let comments = known.get(file);
  if (comments === undefined) {
    const locations = file.proto.sourceCodeInfo?.location ?? [];
    comments = new Map(
      locations.map(({ path, leadingComments }) => [
        path.join('.'),
        leadingComments.trim().replaceAll(/\s*\n\s*/g, '\n'),
      ]),
    );
    known.set(file, comments);
  }
  return comments;
}

const fileOf = (element: Commented): DescFile => ('file' in element ? element.file : element.parent.file);

/** Where it stands in its file: numbers of the fields of FileDescriptorProto, and places in them. */
function pathOf(element: Commented): readonly number[] {
  switch (element.kind) {
    case 'service':
      return [6, element.file.proto.service.indexOf(element.proto)];
    case 'rpc':
      return [...pathOf(element.parent), 2, element.parent.proto.method.indexOf(element.proto)];
    case 'message':
      return element.parent === undefined
        ? [4, element.file.proto.messageType.indexOf(element.proto)]
        : [...pathOf(element.parent), 3, element.parent.proto.nestedType.indexOf(element.proto)];
    case 'field':
      return [...pathOf(element.parent), 2, element.parent.proto.field.indexOf(element.proto)];
    case 'enum':
      return element.parent === undefined
        ? [5, element.file.proto.enumType.indexOf(element.proto)]
        : [...pathOf(element.parent), 4, element.parent.proto.enumType.indexOf(element.proto)];
    case 'enum_value':
      return [...pathOf(element.parent), 2, element.parent.proto.value.indexOf(element.proto)];
  }
}
