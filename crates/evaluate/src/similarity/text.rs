//! The report for reading: Markdown tables, one statement a line.

use std::fmt::Write;

use super::halves::OverSplits;
use super::intervals::{Bounds, PairBounds};
use super::report::SimilarityReport;
use super::transfer::{RankRelation, TransferRelation};

impl SimilarityReport {
    /// Tables of the distances with intervals and floors, weights, and the relation with transfer.
    pub fn to_text(&self) -> String {
        let mut out = String::from("# Token similarity\n\n");
        self.write_cultures(&mut out);
        self.write_pairs(&mut out);
        self.write_weights(&mut out);
        if let Some(transfer) = &self.transfer {
            write_transfer(&mut out, transfer);
        }
        out
    }

    fn write_cultures(&self, out: &mut String) {
        let (unit, splits) = (self.unit, self.halves.splits);
        let _ = writeln!(
            out,
            "Tokens of `{}`, {} codebooks of {} entries. Floor: distance between two halves of a culture's own recordings, mean over {} splits \
             with the range of {} % of them, in {unit} (Jensen–Shannon divergence, not its root) and as cosine distance.\n",
            self.counted.tokenizer,
            self.similarity.n_codebooks,
            self.similarity.n_entries,
            splits.n_resamples,
            100.0 * splits.level
        );
        let _ = writeln!(out, "| Culture | recordings | frames | floor, {unit} | floor, cosine |");
        out.push_str("| --- | ---: | ---: | ---: | ---: |\n");
        for (i, culture) in self.similarity.cultures.iter().enumerate() {
            let floor = self.halves.culture(culture);
            let shown = |of: Option<OverSplits>| of.map_or("–".to_owned(), over_splits);
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                cell(culture),
                self.n_recordings[i],
                self.similarity.n_frames[i],
                shown(floor.and_then(|floor| floor.divergence)),
                shown(floor.and_then(|floor| floor.cosine_distance)),
            );
        }
        out.push('\n');
    }

    fn write_pairs(&self, out: &mut String) {
        let (unit, bootstrap) = (self.unit, self.intervals.bootstrap);
        let _ = writeln!(
            out,
            "Distances of pooled tokens, nearest first, with {} % intervals over recordings (basic bootstrap, {} resamples): the interval takes \
             off what the choice of recordings adds, so a distance may stand at its upper end. Above floor: how much further apart halves of \
             two cultures are than halves of one, {unit}. Closest: share of resamples in which no pair is nearer.\n",
            100.0 * bootstrap.level,
            bootstrap.n_resamples
        );
        let _ = writeln!(out, "| Pair | JSD, {unit} | cosine distance | above floor | closest |");
        out.push_str("| --- | ---: | ---: | ---: | ---: |\n");
        let at = |name: &str| self.similarity.cultures.iter().position(|culture| culture == name);
        let estimate = |pair: &PairBounds| {
            let (i, j) = (at(&pair.first)?, at(&pair.second)?);
            let mean = &self.similarity.mean;
            Some((self.unit.of_nats(mean.jsd_nats[i][j]), mean.cosine_distance[i][j]))
        };
        let mut pairs: Vec<_> =
            self.intervals.pairs.iter().filter_map(|pair| Some((estimate(pair)?, pair))).collect();
        pairs.sort_by(|a, b| a.0.0.total_cmp(&b.0.0));
        for ((divergence, cosine), pair) in pairs {
            let excess = self.halves.pair(&pair.first, &pair.second);
            let _ = writeln!(
                out,
                "| {} – {} | {} | {} | {} | {:.2} |",
                cell(&pair.first),
                cell(&pair.second),
                bounds(divergence, pair.divergence),
                bounds(cosine, pair.cosine_distance),
                excess.map_or("–".to_owned(), |excess| over_splits(excess.divergence)),
                pair.closest_share
            );
        }
        out.push('\n');
    }

    fn write_weights(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "Weights by similarity (softmax of −divergence over {} × its mean), beside uniform ones of the same sum: λ of task vectors, and \
             shares of a mixture in per cent.\n",
            self.guidance.temperature
        );
        let Some(first) = self.guided.first() else { return };
        let heads: Vec<String> = first.sources.iter().map(|source| cell(&source.culture)).collect();
        let _ = writeln!(out, "| Target | {} |", heads.join(" | "));
        let _ = writeln!(out, "| --- |{}", " ---: |".repeat(heads.len()));
        for target in &self.guided {
            let name = target.target.as_deref().map_or("*all together*".to_owned(), cell);
            let weights =
                target.sources.iter().map(|one| format!("{:.3} ({:.1})", one.lambda, 100.0 * one.share));
            let _ = writeln!(out, "| {name} | {} |", weights.collect::<Vec<_>>().join(" | "));
        }
        let uniform = format!("{:.3} ({:.1})", first.uniform_lambda, 100.0 * first.uniform_share);
        let _ = writeln!(out, "| *uniform* | {} |\n", vec![uniform; heads.len()].join(" | "));
    }
}

fn write_transfer(out: &mut String, transfer: &TransferRelation) {
    let _ = writeln!(out, "Does similarity go with transfer? Gains are of {}.\n", transfer.measure);
    for (what, relation) in [("divergence", &transfer.divergence), ("cosine", &transfer.cosine)] {
        let _ = writeln!(out, "- By {what}: {}", relation.sentence());
    }
    if !transfer.left_out.is_empty() {
        let _ = writeln!(out, "- Left out, for want of tokens: {}.", transfer.left_out.join(", "));
    }
    out.push_str("\n| Adapted to | measured on | JSD, nats | cosine distance | gain |\n| --- | --- | ---: | ---: | ---: |\n");
    for one in &transfer.cells {
        let _ = writeln!(
            out,
            "| {} | {} | {:.3} | {:.3} | {:+.4} |",
            cell(&one.source),
            cell(&one.target),
            one.divergence_nats,
            one.cosine_distance,
            one.gain
        );
    }
}

impl RankRelation {
    /// What was found and how little it rests on, as one sentence.
    pub fn sentence(&self) -> String {
        let ends =
            self.ends.map_or("no interval, too few cultures to draw from".to_owned(), |[low, high]| {
                format!("{} % interval over cultures {low:.2} to {high:.2}", 100.0 * self.bootstrap.level)
            });
        let all = if self.is_exact { "all " } else { "" };
        format!(
            "Spearman's ρ = {:.2} over {} points of only {} cultures; {ends}; p = {:.3} (nearer gains more) and {:.3} (either sign) by {all}{} \
             permutations of the cultures, where {:.4} is the smallest possible.",
            self.rho,
            self.n_points,
            self.n_cultures,
            self.p_greater,
            self.p_two_sided,
            self.n_permutations,
            self.smallest_p
        )
    }
}

fn over_splits(over: OverSplits) -> String {
    format!("{:.4} [{:.4}, {:.4}]", over.mean, over.low, over.high)
}

fn bounds(estimate: f64, bounds: Option<Bounds>) -> String {
    match bounds {
        Some(Bounds { low, high, .. }) => format!("{estimate:.4} [{low:.4}, {high:.4}]"),
        None => format!("{estimate:.4}"),
    }
}

/// A name in a table.
fn cell(name: &str) -> String {
    name.replace('\\', "\\\\").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::super::guidance::Guidance;
    use super::super::measures::DivergenceUnit;
    use super::super::recordings::tests::{drawn, recording};
    use super::super::report::{SimilarityRequest, similarity_report};
    use super::super::transfer::TransferCell;
    use crate::Bootstrap;

    fn request() -> SimilarityRequest {
        let few = Bootstrap { n_resamples: 50, level: 0.9, seed: 1 };
        let cell = |source: &str, target: &str, gain| {
            let (source, target) = (source.to_owned(), target.to_owned());
            TransferCell { source, target, gain }
        };
        let cells = vec![
            cell("a", "a", 0.9),
            cell("a", "b", 0.3),
            cell("b", "a", 0.2),
            cell("a", "c", 0.0),
            cell("b", "c", 0.1),
            cell("b", "nowhere", 0.1),
        ];
        SimilarityRequest {
            unit: DivergenceUnit::Bits,
            bootstrap: few,
            splits: few,
            sources: Some(vec!["a".into(), "b".into()]),
            guidance: Guidance::default(),
            transfer: Some((cells, "ROC-AUC".into())),
        }
    }

    #[test]
    fn the_report_says_units_floors_intervals_weights_and_how_few_points_there_are() {
        let counts = drawn(5, &[("a", 1), ("b", 2), ("c", 6)], 6, 40);
        let report = similarity_report(&counts, &request()).unwrap();
        let text = report.to_text();
        for part in [
            "JSD, bits",
            "floor, bits",
            "| a | 6 | 240 |",
            "90 % intervals over recordings",
            "| *all together* |",
            "| *uniform* | 0.200 (50.0) | 0.200 (50.0) |",
            "over 4 points of only 3 cultures",
            "all 6 permutations",
            "Left out, for want of tokens: b → nowhere.",
        ] {
            assert!(text.contains(part), "no `{part}` in:\n{text}");
        }
        let lambdas = |target: usize| report.guided[target].sources.iter().map(|one| one.lambda);
        for target in 0..4 {
            assert!((lambdas(target).sum::<f64>() - 0.4).abs() < 1e-12);
        }
        // The target itself is the nearest source.
        assert!(report.guided[0].sources[0].lambda > 0.2 && report.guided[1].sources[1].lambda > 0.2);
    }

    #[test]
    fn the_report_comes_back_from_json_and_keeps_the_plain_matrices_in_front() {
        let mut counts = drawn(5, &[("a", 1), ("b", 2), ("c", 6)], 6, 40);
        counts.add(&recording("single", "x"), &[1, 2]).unwrap();
        let report = similarity_report(&counts, &request()).unwrap();
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["mean"]["jsd_nats"][0][1].as_f64(), Some(report.similarity.mean.jsd_nats[0][1]));
        assert_eq!(json["unit"], "bits");
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<super::super::report::SimilarityReport>(&text).unwrap(), report);
        assert!(report.to_text().contains("| single | 1 | 1 | – | – |"));
    }
}
