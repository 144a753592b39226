//! The page: whole, fetching nothing, and no text of a collection breaks out of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod made;

use culturemert_explore::{ExploreError, Sound, page};

const HOSTILE: &str = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>&\"'\u{2028}\\";

fn data_of(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn hostile_names_stay_data() {
    let mut collection = made::collection(30, 2);
    collection.title = HOSTILE.into();
    for item in &mut collection.items {
        item.name = HOSTILE.into();
        item.culture = HOSTILE.into();
        item.tags = vec![HOSTILE.into()];
        item.group = Some(HOSTILE.into());
        item.licence = Some(HOSTILE.into());
    }
    collection.models[0].name = HOSTILE.into();
    collection.predictions[0].name = HOSTILE.into();
    collection.predictions[0].tags[0] = HOSTILE.into();
    collection.facts.push((HOSTILE.into(), HOSTILE.into()));
    let page = page(&collection).unwrap();
    assert_eq!(page.matches("<script").count(), 2, "the data and the script");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<!--"));
    let data = data_of(&page);
    assert_eq!(data["clips"]["name"][0], HOSTILE);
    assert_eq!(data["cultures"][0], HOSTILE);
    assert_eq!(data["title"], HOSTILE);
    assert_eq!(data["licences"][0]["plays"], false);
}

#[test]
fn the_page_names_no_address_and_allows_its_own_script_only() {
    let page = page(&made::collection(50, 1)).unwrap();
    let code = page.replace("http://www.w3.org/2000/svg", "");
    assert!(
        !code.contains("http:")
            && !code.contains("https:")
            && !code.contains("url(")
            && !code.contains("@import")
    );
    assert!(code.contains("default-src 'none'") && code.contains("script-src 'sha256-"));
    assert!(!code.contains("innerHTML") && !code.contains("eval("));
}

#[test]
fn what_the_page_holds_is_the_collection() {
    let collection = made::collection(40, 2);
    let data = data_of(&page(&collection).unwrap());
    assert_eq!(data["clips"]["name"].as_array().unwrap().len(), 40);
    for (at, item) in collection.items.iter().enumerate() {
        let culture = data["clips"]["culture"][at].as_u64().unwrap() as usize;
        assert_eq!(data["cultures"][culture], item.culture.as_str());
        let sound = data["clips"]["sound"][at].as_f64().unwrap();
        assert_eq!(sound > 0.0, matches!(item.sound, Sound::Excerpt { .. }));
        let near: Vec<u64> =
            collection.models[1].neighbours[at].iter().map(|one| u64::from(one.index)).collect();
        assert_eq!(data["models"][1]["near"][at], serde_json::json!(near));
        let shared = near
            .iter()
            .filter(|index| {
                collection.models[0].neighbours[at].iter().any(|one| u64::from(one.index) == **index)
            })
            .count();
        assert_eq!(data["shared"][at], shared);
    }
    assert!(data_of(&page(&made::collection(40, 1)).unwrap())["shared"].is_null());
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let check = |change: &dyn Fn(&mut culturemert_explore::Collection)| {
        let mut collection = made::collection(30, 2);
        change(&mut collection);
        page(&collection).unwrap_err()
    };
    assert!(matches!(check(&|c| c.items.clear()), ExploreError::Empty));
    assert!(matches!(check(&|c| c.models.clear()), ExploreError::Models { found: 0 }));
    assert!(matches!(check(&|c| c.models[1].plane.truncate(4)), ExploreError::Size { .. }));
    assert!(matches!(check(&|c| c.models[1].plane[3] = f32::NAN), ExploreError::NotFinite { .. }));
    assert!(matches!(check(&|c| c.models[0].neighbours[2][0].index = 30), ExploreError::Size { .. }));
    assert!(matches!(check(&|c| c.predictions[0].likeliest[0][0].0 = 99), ExploreError::Size { .. }));
    assert!(matches!(check(&|c| c.items[7].start = f64::INFINITY), ExploreError::NotFinite { .. }));
}
