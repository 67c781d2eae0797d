import Training

extension SettingKey<Int> {
    static let movementEvery = SettingKey("movement-every", standard: 1)
}

extension Setting {
    static let movementEvery = Setting.count(
        "movement-every", \.[.movementEvery], "Steps between records of how the weights moved"
    ).under(.records).scope(.job)
}
