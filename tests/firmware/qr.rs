//! QR codes on a console, of half blocks on dark ground.

/// What the code among these lines says.
#[track_caller]
pub fn read(lines: &str) -> String {
    let rows = lines.lines().filter(|line| line.contains(['█', '▀', '▄']));
    let light: Vec<Vec<bool>> = rows
        .flat_map(|row| {
            let half = |full: [char; 2]| row.trim_end().chars().map(|at| full.contains(&at)).collect();
            [half(['█', '▀']), half(['█', '▄'])]
        })
        .collect();
    let width = light.first().map_or(0, Vec::len) * SCALE;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, width, |x, y| {
        let light = light.get(y / SCALE).and_then(|row| row.get(x / SCALE));
        if *light.unwrap_or(&true) { 255 } else { 0 }
    });
    let grids = image.detect_grids();
    grids.first().expect("a QR code is shown").decode().expect("it can be read").1
}

/// Pixels of a module.
const SCALE: usize = 4;
