//! Hostile model files, made here: pickles that would run code when Python opens them, claims, bombs and lies.

/// A zip file of stored members, as torch writes them; the method of compression is stated, not done.
pub(crate) fn zip(members: &[(&str, &[u8])], method: u16) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let common = |bytes: &mut Vec<u8>| {
            bytes.extend([20, 0, 0, 0]);
            bytes.extend(method.to_le_bytes());
            bytes.extend([0; 8]);
            bytes.extend((data.len() as u32).to_le_bytes());
            bytes.extend((data.len() as u32).to_le_bytes());
            bytes.extend((name.len() as u16).to_le_bytes());
            bytes.extend([0, 0]);
        };
        directory.extend(b"PK\x01\x02\x14\0");
        common(&mut directory);
        directory.extend([0; 10]);
        directory.extend((bytes.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        bytes.extend(b"PK\x03\x04");
        common(&mut bytes);
        bytes.extend(name.as_bytes());
        bytes.extend_from_slice(data);
    }
    let begin = bytes.len() as u32;
    bytes.extend_from_slice(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend((members.len() as u16).to_le_bytes());
    bytes.extend((members.len() as u16).to_le_bytes());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(begin.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// A checkpoint with this pickle and one storage of 64 bytes.
fn checkpoint(pickle: &[u8]) -> Vec<u8> {
    zip(&[("archive/data.pkl", pickle), ("archive/data/0", &[1; 64]), ("archive/version", b"3\n")], 0)
}

/// `{"x": tensor}` of the float32 storage `0`, with this offset, shape and strides as pickled values.
fn tensor(claimed: &[u8], offset: &[u8], shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let parts: [&[u8]; 11] = [
        b"\x80\x02}X\x01\0\0\0xctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu",
        claimed,
        b"tQ",
        offset,
        b"(",
        shape,
        b"t(",
        strides,
        b"t\x89ccollections\nOrderedDict\n)RtR",
        b"s",
        b".",
    ];
    parts.concat()
}

/// A pickled whole number of eight bytes.
fn long(n: i64) -> Vec<u8> {
    [&[0x8a, 8][..], &n.to_le_bytes()].concat()
}

/// Name of the file and its bytes.
pub(crate) type Specimen = (String, Vec<u8>);

/// Pickles that call something when Python opens them.
pub(crate) fn callers() -> Vec<Specimen> {
    let calls: [(&str, &[u8]); 11] = [
        ("os-system", b"cos\nsystem\n(S'touch owned'\ntR."),
        ("posix-system", b"\x80\x02cposix\nsystem\nX\x0b\0\0\0touch owned\x85R."),
        ("builtins-eval", b"\x80\x03cbuiltins\neval\nX\x1f\0\0\0__import__('os').mkdir('owned')\x85R."),
        ("builtins-exec", b"c__builtin__\nexec\n(S'open(\"owned\",\"w\")'\ntR."),
        ("stack-global", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0btouch owned\x85R."),
        (
            "nested-reduce",
            b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n(S'os'\ntRS'system'\ntR(S'touch owned'\ntR.",
        ),
        ("newobj", b"\x80\x02csubprocess\nPopen\n(](X\x05\0\0\0touchX\x05\0\0\0ownedet\x81."),
        ("newobj-ex", b"\x80\x04\x8c\x0asubprocess\x8c\x05Popen\x93)}\x92."),
        ("inst", b"(S'touch owned'\nios\nsystem\n."),
        ("obj", b"(cos\nsystem\nS'touch owned'\no."),
        ("setstate", b"cbuiltins\nobject\n)R}S'__setstate__'\ncos\nsystem\nsb(S'touch owned'\ntb."),
    ];
    let mut all = Vec::new();
    for (name, pickle) in calls {
        all.push((format!("{name}-bare.pkl"), pickle.to_vec()));
        all.push((format!("{name}.pt"), checkpoint(pickle)));
        // The same call where a weight is due.
        let inner = &pickle[if pickle[0] == 0x80 { 2 } else { 0 }..pickle.len() - 1];
        let hidden = [&b"\x80\x02}X\x05\0\0\0model}X\x08\0\0\0mask_emb"[..], inner, b"ss."].concat();
        all.push((format!("{name}-as-weight.pt"), checkpoint(&hidden)));
    }
    all
}

/// Pickles and zip files that must be refused, for what they claim or hold.
pub(crate) fn liars() -> Vec<Specimen> {
    let mut all: Vec<Specimen> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>| all.push((format!("{name}.pt"), bytes));
    let one: &[u8] = b"K\x01";
    let ten_gb = 10u64 << 30;
    for (name, bytes) in [
        ("extension-registry", b"\x80\x02\x82\x01.".to_vec()),
        ("long4-claims-4-gb", b"\x80\x02\x8b\xff\xff\xff\xff\x00.".to_vec()),
        ("bytes8-claims-10-gb", [&b"\x80\x04\x8e"[..], &ten_gb.to_le_bytes(), b"x."].concat()),
        ("text8-claims-10-gb", [&b"\x80\x04\x8d"[..], &ten_gb.to_le_bytes(), b"x."].concat()),
        ("bytearray8-claims-all", [&b"\x80\x05\x96"[..], &u64::MAX.to_le_bytes(), b"x."].concat()),
        ("marks", [&vec![b'('; 15 << 20][..], b"."].concat()),
        ("nones", [&vec![b'N'; 15 << 20][..], b"."].concat()),
        ("duplicates", [b"N".as_slice(), &vec![b'2'; 15 << 20], b"."].concat()),
        ("memoised", [b"N".as_slice(), &vec![0x94; 15 << 20], b"."].concat()),
        ("put-far", [b"N".as_slice(), &b"r\xff\xff\xff\xff".repeat(2 << 20)].concat()),
        (
            "put-everywhere",
            [
                &b"N"[..],
                &(0..3_000_000u32).flat_map(|n| [&b"r"[..], &n.to_le_bytes()].concat()).collect::<Vec<u8>>(),
            ]
            .concat(),
        ),
        ("endless-line", [b"S'".as_slice(), &vec![b'a'; 15 << 20]].concat()),
        ("long-number", [b"I".as_slice(), &vec![b'9'; 15 << 20], b"\n."].concat()),
        ("no-text", [&b"X\0\0\xe0\0"[..], &vec![0xff; 14 << 20], b"."].concat()),
        ("nested-lists", [&vec![b']'; 200_000][..], &vec![b'a'; 199_999], b"."].concat()),
        ("nested-tuples", [b")".as_slice(), &vec![0x85; 200_000], b"."].concat()),
        (
            "long-names",
            [&b"X\0\0\x40\0"[..], &vec![b'a'; 4 << 20], b"q\0", &b"h\0h\0\x93".repeat(100_000), b"."]
                .concat(),
        ),
        (
            "wide-tuples",
            [b"N".as_slice(), &[b"(".as_slice(), &vec![b'2'; 4000], b"t0"].concat().repeat(3000), b"."]
                .concat(),
        ),
        ("doubled-lists", doubled(64)),
        ("circle", b"]q\0h\0a.".to_vec()),
        ("one-dictionary-often", often()),
        (
            "elements-overflow",
            tensor(one, one, &[long(i64::MAX), long(i64::MAX)].concat(), &[one, one].concat()),
        ),
        (
            "strides-overflow",
            tensor(
                one,
                one,
                &[b"K\x02K\x02".as_slice()].concat(),
                &[long(i64::MAX), long(i64::MAX)].concat(),
            ),
        ),
        ("offset-negative", tensor(one, &long(-1), one, one)),
        ("offset-huge", tensor(one, &long(i64::MAX), one, one)),
        ("shape-negative", tensor(one, one, &long(-5), one)),
        ("storage-claims-10-gb", tensor(&long(10 << 30), b"K\0", &long((10 << 30) / 4), one)),
        ("expanded", tensor(one, b"K\0", &long(1 << 40), b"K\0")),
        ("axes", tensor(one, b"K\0", &one.repeat(4000), &one.repeat(4000))),
    ] {
        add(name, checkpoint(&bytes));
    }
    let pickle = tensor(b"K\x10", b"K\0", b"K\x10", one);
    add("compressed", zip(&[("archive/data.pkl", &pickle), ("archive/data/0", &[1; 64])], 8));
    add("member-twice", zip(&[("archive/data.pkl", &pickle), ("archive/data.pkl", &pickle)], 0));
    add("no-pickle", zip(&[("archive/data/0", &[1; 64])], 0));
    add(
        "big-endian",
        zip(&[("archive/data.pkl", &pickle), ("archive/byteorder", b"big"), ("archive/data/0", &[1; 64])], 0),
    );
    add("many-members", zip(&vec![("a", &b""[..]); 65_000], 0));
    add(
        "pickle-of-20-mb",
        zip(&[("archive/data.pkl", &vec![b'N'; 20 << 20]), ("archive/data/0", &[1; 64])], 0),
    );
    let good = checkpoint(&pickle);
    let lie = |from_end: usize, value: &[u8]| {
        let mut bytes = good.clone();
        let at = bytes.len() - from_end;
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    add("directory-beyond-the-file", lie(6, &0x7fff_fff0u32.to_le_bytes()));
    add("directory-of-4-gb", lie(10, &0xffff_fff0u32.to_le_bytes()));
    add("zip64-without-record", lie(12, &[0xff; 10]));
    add("more-members-than-there-are", lie(12, &60_000u16.to_le_bytes()));
    let header = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}X\x0d\0\0\0little_endian\x88s.";
    let legacy = |storages: &[u8]| [&header[..], &pickle, storages].concat();
    add(
        "legacy-storage-claims-10-gb",
        legacy(&[&b"\x80\x02](X\x01\0\0\x000e."[..], &ten_gb.to_le_bytes()].concat()),
    );
    add("legacy-storage-missing", legacy(b"\x80\x02]."));
    let twice = [&b"\x80\x02](X\x01\0\0\x000X\x01\0\0\x000e."[..], &16u64.to_le_bytes(), &[1; 64]].concat();
    add("legacy-storage-twice", legacy(&twice));
    add("legacy-cut", legacy(b""));
    all
}

/// A list of two references to a list of two references, and so on.
fn doubled(levels: u8) -> Vec<u8> {
    let mut bytes = b"]q\0".to_vec();
    for level in 0..levels {
        bytes.extend([
            b']',
            b'q',
            level + 1,
            b'(',
            b'h',
            level,
            b'h',
            level,
            b'e',
            b'0',
            b'h',
            level + 1,
            b'0',
        ]);
    }
    bytes.extend([b'h', levels, b'.']);
    bytes
}

/// One dictionary of a hundred thousand keys that are no names, contained a hundred thousand times.
fn often() -> Vec<u8> {
    [b"}q\0(".as_slice(), &b"NN".repeat(100_000), b"u0](", &b"h\0".repeat(100_000), b"e."].concat()
}

/// safetensors files that must be refused.
pub(crate) fn safetensors() -> Vec<Specimen> {
    let file = |header: &str, n: usize| {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; n]].concat()
    };
    let entry = |shape: &str, offsets: &str| {
        format!(r#"{{"x":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    let two = |a: &str, b: &str, offsets: &str| {
        format!(
            r#"{{"{a}":{{"dtype":"U8","shape":[2],"data_offsets":[0,2]}},"{b}":{{"dtype":"U8","shape":[2],"data_offsets":{offsets}}}}}"#
        )
    };
    [
        ("header-claims-10-gb", [&(10u64 << 30).to_le_bytes()[..], b"{}"].concat()),
        ("header-claims-everything", u64::MAX.to_le_bytes().to_vec()),
        ("header-of-20-mb", file(&" ".repeat(20 << 20), 0)),
        ("header-nested", file(&"[".repeat(1 << 20), 0)),
        (
            "header-of-many",
            file(
                &format!(
                    "{{{}}}",
                    (0..60_000)
                        .map(|n| format!(r#""{n}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#))
                        .collect::<Vec<_>>()
                        .join(",")
                ),
                1,
            ),
        ),
        ("overlap", file(&two("x", "y", "[1,3]"), 3)),
        ("gap", file(&two("x", "y", "[3,5]"), 5)),
        ("one-name-twice", file(&two("x", "x", "[0,2]"), 2)),
        ("shape-nan", file(&entry("[NaN]", "[0,4]"), 4)),
        ("shape-text", file(&entry(r#"["1"]"#, "[0,4]"), 4)),
        ("shape-huge", file(&entry("[18446744073709551615,2]", "[0,8]"), 8)),
        ("shape-of-10-gb", file(&entry("[2684354560]", "[0,10737418240]"), 8)),
        ("offsets-backwards", file(&entry("[1]", "[4,0]"), 4)),
    ]
    .map(|(name, bytes)| (format!("{name}.safetensors"), bytes))
    .into()
}

/// Configurations that must be refused, each beside a sound file of weights.
pub(crate) fn configurations() -> Vec<(&'static str, String)> {
    vec![
        ("layers", r#"{"num_hidden_layers": 1000000000}"#.into()),
        ("most-layers", r#"{"num_hidden_layers": 1000}"#.into()),
        ("width", r#"{"hidden_size": 1e300}"#.into()),
        (
            "widest",
            r#"{"hidden_size": 1048576, "intermediate_size": 1048576, "num_attention_heads": 1}"#.into(),
        ),
        ("negative", r#"{"hidden_size": -768}"#.into()),
        ("convolutions", format!(r#"{{"conv_dim": [{}1]}}"#, "1,".repeat(400_000))),
        ("nested", "[".repeat(900_000)),
        ("too-long", format!(r#"{{"x": "{}"}}"#, "a".repeat(20 << 20))),
        ("wide-lists", format!("[{}[]]", "[],".repeat(300_000))),
        ("no-object", "7".into()),
    ]
}
